"""Tests of `experiments/studies/ensembles.py`, without training: by hand, and what it would train."""

from pathlib import Path

import numpy as np
import pytest

from experiments.studies import corrections, ensembles, measure
from ssgan.options import Config
from ssgan.options.flags import parse_flags

ROOT = Path(__file__).parents[1]
PROBABILITIES = {
    "a": [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]],
    "b": [[0.8, 0.2], [0.1, 0.9], [0.6, 0.4]],
}


def test_errors_of_means_over_nets(monkeypatch):
    def measured(run, *, by_test):
        assert by_test
        same = dict.fromkeys(("one view", "views"), np.array(PROBABILITIES[run]))
        return {}, {"labels": np.array([0, 1, 1]), "probabilities": dict.fromkeys(("without class prior",), same)}

    monkeypatch.setattr(corrections, "measure", measured)
    monkeypatch.setattr(measure, "outcome", lambda run, *, tested: {"run": run})
    monkeypatch.setattr(ensembles, "KINDS", [("without class prior", "views")])
    found = ensembles.ensemble(["a", "b"])
    kind = "views, without class prior"
    assert [found["errors"][count][kind] for count in ("1", "2")] == pytest.approx([2 / 3, 1 / 3])
    assert [run["run"] for run in found["runs"]] == ["a", "b"]


def test_another_net_differs_in_seed_and_steps(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    commands = []
    monkeypatch.setattr(measure, "call", lambda command, *flags: commands.append(flags))
    run_dir = ensembles.train(4, 2, Path("data"))
    config = parse_flags(Config, ["ssgan", *commands[0]], usage="")
    assert (config.total_steps, config.label_seed, config.seed) == (ensembles.STEPS, 4, 2)
    assert (config.gan_weight, config.run_dir) == (0, str(run_dir))
