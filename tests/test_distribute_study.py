"""What the study of several devices says of runs that end in other weights; nothing is trained."""

import numpy as np
import pytest

from experiments.studies import distribute
from experiments.studies import distribute_faults as study
from ssgan.store import checkpoint


def write_run(folder, *, by=0.0, begin=0, name="discriminator/dense/kernel", resumed=None):
    """Writes the checkpoints of a run of which one array differs from the plain ones from a step on."""
    for step in range(0, study.STEPS + 1, study.EVERY):
        arrays = {"discriminator/dense/kernel": np.ones((2, 2), np.float32), "steps_done/steps_done": np.array(step)}
        arrays |= {"ema_discriminator/dense/kernel": np.ones(2, np.float32), "noise_seed/seed": np.zeros(2, np.uint32)}
        arrays |= {"discriminator/dropout/seed_generator_state": np.zeros(2, np.uint32), "metric_d_loss/total": step}
        if step >= begin:
            arrays[name] = arrays[name] + np.asarray(by, arrays[name].dtype)
        arrays["metric_d_loss/total"] = np.random.rand(1)
        checkpoint.save(folder / "checkpoints", checkpoint.Checkpoint(step, arrays, {}), keep=20)
    text = "" if resumed is None else f"resumed from the checkpoint of step {resumed} of 60\n"
    folder.with_name(f"{folder.name}.worker_0.txt").write_text(text)
    return folder


def test_runs_that_end_alike_have_no_difference(tmp_path):
    one, two = (write_run(tmp_path / name) for name in ("one", "two"))
    assert study.compared(one, two) == {"difference": 0.0, "averages": 0.0, "rest": 0.0}


@pytest.mark.parametrize(
    ("name", "by", "group"),
    [
        ("discriminator/dense/kernel", 0.5, "difference"),
        ("ema_discriminator/dense/kernel", 0.25, "averages"),
        ("noise_seed/seed", 3, "rest"),
        ("discriminator/dropout/seed_generator_state", 2, "rest"),
        ("steps_done/steps_done", 1, "rest"),
    ],
)
def test_where_runs_part_is_said(tmp_path, name, by, group):
    straight = write_run(tmp_path / "straight")
    run = write_run(tmp_path / "run", by=by, begin=25, name=name, resumed=20)
    found = study.compared(run, straight)
    assert {key: found[key] for key in ("difference", "averages", "rest")} == {
        **{"difference": 0.0, "averages": 0.0, "rest": 0.0},
        group: by,
    }
    assert found["largest"] == [(name, by)]
    assert (found["first_different_step"], found["resumed_from_step"]) == (25, 20)


def test_the_model_of_a_step_counts_the_messages_of_a_ring():
    found = distribute.model({"bytes": {"default": {"exchanges": 10, "bytes": 1e6}}})
    step = 0.1 / 4 + 10 * 6 * 100e-6 + 2 * 3 / 4 * 1e6 / 1e9
    assert found["10 Gbit/s"]["100 ms"][4] == round(0.1 / step, 2) == 3.08
