"""Equal runs with `--deterministic` end in equal weights, on every processor: all threads, the default net."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from ssgan import determinism, hardware
from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.train import train

ROOT = Path(__file__).parent.parent
THRICE = """
import sys
from ssgan.options.flags import parse_flags
from ssgan.options import Config
from ssgan.train import train
for number in range(3):
    train(parse_flags(Config, [*sys.argv, f"--run_dir=run{number}"], usage=""))
from ssgan import hardware
assert not hardware.onednn()
"""
DEFAULT_NET = ["--dataset=street_digits", "--labels=100", "--seed=3", "--deterministic"]


@pytest.mark.slow
def test_three_runs_of_the_default_net_end_in_the_same_weights(tmp_path):
    # All processors shall use oneDNN, if they can be asked to.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), determinism.SWITCH: "1"}
    command = [sys.executable, "-c", THRICE, *DEFAULT_NET, "--total_steps=150", "--checkpoint_every=10"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    states = [(tmp_path / f"run{number}/checkpoints/step_000000150/state.npz").read_bytes() for number in range(3)]
    assert states[0] == states[1] == states[2]


@pytest.fixture
def onednn(request, monkeypatch):
    """TensorFlow as if it had been imported with oneDNN, or without."""
    monkeypatch.setattr(hardware, "onednn", lambda: request.param)


@pytest.mark.parametrize("onednn", [True], indirect=True)
def test_training_is_refused_where_tensorflow_was_imported_with_onednn(onednn, tmp_path):
    folder = tmp_path / "run"
    options = Config(dataset="street_digits", total_steps=1, deterministic=True, run_dir=str(folder))
    with pytest.raises(UsageError, match="TF_ENABLE_ONEDNN_OPTS=0 before tensorflow or keras is imported"):
        train(options)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [(None, ""), ("0", ""), ("1", "*** TF_ENABLE_ONEDNN_OPTS=1 is not followed: --deterministic needs 0 ***\n")],
)
def test_tensorflow_is_imported_without_onednn_whatever_the_environment_says(monkeypatch, capsys, given, said):
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.setenv(determinism.SWITCH, given or "")  # also what restores it
    if given is None:
        monkeypatch.delenv(determinism.SWITCH)
    determinism.turn_off_onednn()
    assert os.environ[determinism.SWITCH] == "0" and capsys.readouterr().out == said


@pytest.mark.parametrize("onednn", [True, False], indirect=True)
def test_bfloat16_is_chosen_only_where_onednn_uses_its_units(onednn, monkeypatch):
    monkeypatch.setattr(hardware, "_cpu_info", lambda key: "avx2 avx512_bf16")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert hardware.precision("auto") == ("bfloat16" if hardware.onednn() else "float32")
    assert hardware.precision("bfloat16") == "bfloat16"


def test_looking_for_onednn_leaves_the_number_of_threads_as_it_is(monkeypatch):
    session, configs = tf.compat.v1.Session, []
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 3)
    monkeypatch.setattr(tf.compat.v1, "Session", lambda config: configs.append(config) or session(config=config))
    hardware.onednn.__wrapped__()
    assert [config.intra_op_parallelism_threads for config in configs] == [3]
