"""Which checkpoints a run goes on from."""

from pathlib import Path
from typing import Any

import pytest

from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.store import checkpoint
from ssgan.store.checkpoint import Checkpoint
from ssgan.training import loop as fit
from tests.test_versions import REMOVED

EARLIER: dict[str, Any] = {  # as a run was that did not know these options
    **{"labels": 70, "gan_every": 1, "unlabeled_start": 0.0, "optimizer": "adam", "mode_seeking_weight": 0.0},
    **{"conditional": False, "latent": "uniform", "gan_views": "strong", "generator": "dcgan"},
}


def newest(folder: Path, **about: Any) -> Checkpoint | None:
    """Saves a checkpoint as a run does, with other things it belongs to, and reads it for the run."""
    config = Config(**EARLIER)
    identity = {"options": config.mathematics(), "digest": "abc", "label_mask_digest": "def"}
    monitor = {"monitor": {"records": [], "seconds": 1.0}, "rollbacks": 0, "versions": {}}
    checkpoint.save(folder, Checkpoint(5, {}, {**identity, **monitor, **about}), keep=1)
    return fit._newest(folder, identity, steps=10)


def test_a_checkpoint_of_an_earlier_version_is_of_the_run(tmp_path):
    later = {*EARLIER.keys() - {"labels"}, "vat_weight", "vat_radius"}
    options = {name: value for name, value in Config(**EARLIER).mathematics().items() if name not in later}
    assert newest(tmp_path, options={**options, **{name: unused for name, (unused, _) in REMOVED.items()}}).step == 5
    assert newest(tmp_path, options={**options, "deterministic": True}).step == 5  # which it compared
    with pytest.raises(UsageError, match=r"of another run: --warm_up=0.1 \(the run: None\); move it away"):
        newest(tmp_path, options={**options, "warm_up": 0.1})


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"digest": "other"}, r"digest=other \(the run: abc\)"),
        ({"label_mask_digest": None}, r"label_mask_digest=None \(the run: def\)"),
        ({"options": {"labels": 50}}, r"--labels=50 \(the run: 70\)"),
        ({"options": {"lables": 70}}, r"--lables=70 \(the run: None\)"),
    ],
)
def test_a_checkpoint_of_another_run_stops_with_the_difference_and_stays(tmp_path, about, words):
    with pytest.raises(UsageError, match=f"the checkpoint of step 5 in .* is of another run: {words}; move it away"):
        newest(tmp_path, **about)
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000005"]


VERSIONS = {"ssgan": "1", "python": "3", "tensorflow": "2", "keras": "3", "processor": "a", "cores": 2, "gpu": "none"}
VERSIONS |= {"deterministic": True, "onednn": False, "replicas": 2, "workers": 2}


def announced(now: dict[str, Any], before: dict[str, Any]) -> None:
    fit._announce(Checkpoint(5, {}, {"versions": before}), now, Path("run"), steps=10)


def test_other_cores_are_said_and_other_replicas_end_the_promise_of_equal_bits(capsys):
    announced(VERSIONS, VERSIONS)
    assert capsys.readouterr().out == "resumed from the checkpoint of step 5 of 10\n"
    announced({**VERSIONS, "cores": 1}, VERSIONS)
    assert "*** cores 2 -> 1: the last digits may differ" in capsys.readouterr().out
    alone = {**VERSIONS, "replicas": 1, "workers": 1}
    with pytest.raises(UsageError, match="made otherwise: replicas 2 -> 1; .* --resume --nodeterministic"):
        announced(alone, VERSIONS)
    announced({**alone, "deterministic": False}, {**VERSIONS, "deterministic": False})
    assert "*** workers 2 -> 1, replicas 2 -> 1: dropout and noise are drawn by each" in capsys.readouterr().out


def test_a_checkpoint_of_a_version_without_replicas_is_of_one(capsys):
    announced(
        {**VERSIONS, "replicas": 1, "workers": 1},
        {name: value for name, value in VERSIONS.items() if name not in ("replicas", "workers")},
    )
    assert "***" not in capsys.readouterr().out
