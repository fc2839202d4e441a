"""Training in bfloat16 against training in float32: the same errors, up to noise. Five minutes on two cores."""

import os

import numpy as np
import pytest

from ssgan import eval, train
from ssgan.options import Config
from ssgan.options.flags import parse_flags

SEEDS = range(3)
STEPS = 600


@pytest.mark.slow
def test_bfloat16_reaches_the_error_of_float32_on_mnist_with_100_labels(tmp_path):
    data_dir = os.environ.get("SSGAN_DATA_DIR")
    if data_dir is None:
        pytest.skip("SSGAN_DATA_DIR is not set: no MNIST")

    def error(precision: str, seed: int) -> float:
        run_dir = tmp_path / f"{precision}_{seed}"
        flags = [f"--precision={precision}", f"--label_seed={seed}", f"--seed={seed}", f"--total_steps={STEPS}"]
        place = [f"--run_dir={run_dir}", f"--data_dir={data_dir}/tfds"]
        train.train(parse_flags(Config, ["train", "--flagfile=configs/mnist_100.cfg", *flags, *place], usage=""))
        return eval.evaluate_run(eval.EvalConfig(run=str(run_dir)))["test_error"]

    errors = {name: np.array([error(name, seed) for seed in SEEDS]) for name in ("float32", "bfloat16")}
    print(errors)
    differences = errors["bfloat16"] - errors["float32"]  # the same labels and seed in each pair
    noise = errors["float32"].std(ddof=1) / np.sqrt(len(SEEDS))
    assert differences.mean() <= 2 * noise
    assert errors["bfloat16"].max() < 0.1  # the noise of runs that learn nothing would hide everything
