"""Tests of how the peers' trainings are set up, timed and recorded; the trainings need environments of their own."""

import json
import subprocess
import sys

import numpy as np
import pytest

from experiments.common import places, processes, results
from experiments.peers import compare_peers, environments, peer_images, training_clock
from ssgan import data
from ssgan.data import labels


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A file of 60 train and 20 test images, 20 labelled and 10 held out."""
    random = np.random.default_rng(0)

    def load(name, split, data_dir):
        count = {"train": 60, "test": 20}[split]
        images = random.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)
        names = tuple(map(str, range(10)))
        return data.ImageSet(name, split, "nowhere", True, images, np.arange(count, dtype=np.int32) % 10, names)

    monkeypatch.setattr(data, "load", load)
    path = str(tmp_path / "peer_images.npz")
    options = {"dataset": "street_digits", "data_dir": None, "label_seed": 3, "labels": 20, "validation": 10}
    peer_images.measure(**options, output=path)
    return path


def test_the_images_are_divided_as_in_a_run_of_ssgan(archive):
    with np.load(archive) as file:
        arrays = dict(file)
    mask = labels.label_mask(arrays["labels"], 20, 3, "balanced")
    np.testing.assert_array_equal(arrays["label_mask"], mask)
    np.testing.assert_array_equal(arrays["held_out"], labels.hold_out(mask, 10, seed=3))
    split = peer_images.read(archive)
    counts = [len(part) for part in vars(split).values()]
    assert counts == [20, 20, 50, 10, 10, 20, 20]
    np.testing.assert_array_equal(split.labeled_images, arrays["images"][mask])
    assert not (mask & arrays["held_out"]).any()


def test_hidden_labels_do_not_reach_a_peer(archive, tmp_path):
    with np.load(archive) as file:
        arrays = dict(file)
    hidden = ~(arrays["label_mask"] | arrays["held_out"])
    arrays["labels"][hidden] = (arrays["labels"][hidden] + 1) % 10
    np.savez(tmp_path / "scrambled.npz", **arrays)
    before, after = (vars(peer_images.read(path)) for path in (archive, tmp_path / "scrambled.npz"))
    for name, part in before.items():
        np.testing.assert_array_equal(part, after[name])


class Time:
    """A clock that is set by hand."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


def test_the_clock_stands_still_while_it_evaluates():
    time, errors = Time(), iter(np.linspace(0.9, 0.1, 100))

    def evaluate():
        time.seconds += 50
        return next(errors)

    clock = training_clock.Clock(20.0, evaluate, now=time)
    over = False
    while not over:
        time.seconds += 0.25
        over = clock.count(5)
    assert (clock.steps, clock.seconds) == (5 * 80, 20.0)
    assert [seconds for seconds, _ in clock.curve] == list(range(1, 21))
    assert [error for _, error in clock.curve] == list(np.linspace(0.9, 0.1, 100)[:20])


def test_the_clock_evaluates_once_where_steps_are_longer_than_its_interval():
    time = Time()
    clock = training_clock.Clock(20.0, lambda: 0.5, now=time)
    for _ in range(3):
        assert not clock.count()
        time.seconds += 6.5
    assert not clock.count()
    time.seconds += 6.5
    assert clock.count()
    assert [seconds for seconds, _ in clock.curve] == [6.5, 13.0, 19.5, 26.0]


@pytest.fixture
def started(monkeypatch):
    """Every process that is started in the place of a training, as (module, options, interpreter)."""
    calls = []

    def run(module, options, *, python=sys.executable):
        calls.append((module, options, python))
        if module == "peers.peer_images":
            return {"dataset": "images", "label_mask_digest": "0", "about": {"cores": 2}}
        return {"test_error": 0.25, "curve": [[30.0, 0.5]], "steps": 7, "seconds": 30.0, "about": {}, "peak_mib": 1}

    monkeypatch.setattr(processes, "run", run)
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")
    monkeypatch.setattr(environments, "python_of", lambda name, folder: f"python of {name}")
    return calls


def compare(monkeypatch, folder, *flags):
    places = [f"--data_dir={folder}", f"--work_dir={folder}", f"--output={folder / 'peers.json'}"]
    monkeypatch.setattr(sys, "argv", ["compare_peers.py", *places, *flags])
    compare_peers.main()
    return json.loads((folder / "peers.json").read_text())


def test_every_peer_is_trained_with_every_label_seed(monkeypatch, tmp_path, started, capsys):
    results = compare(monkeypatch, tmp_path, "--minutes=0.5")
    trainings = [(module, options["seed"], python) for module, options, python in started if "seconds" in options]
    assert trainings == [
        (peer.module, seed, f"python of {peer.environment}") for seed in (0, 1) for peer in compare_peers.PEERS.values()
    ]
    assert all(options["seconds"] == 30 for _, options, _ in started if "seconds" in options)
    for peer in results["peers"].values():
        assert [run["label_seed"] for run in peer["runs"]] == [0, 1]
        assert (peer["mean_error"], peer["standard_deviation"]) == (0.25, 0)
        assert all({"seed", "hardware", "date", "command", "minutes"} <= run.keys() for run in peer["runs"])
        assert {run["commit"] for run in peer["runs"]} == {"c0ffee"}
    assert "25.00 %" in capsys.readouterr().out
    assert str(tmp_path) not in (tmp_path / "peers.json").read_text()


def test_a_finished_run_is_not_trained_again(monkeypatch, tmp_path, started):
    compare(monkeypatch, tmp_path, "--label_seeds", "1")
    count = len(started)
    compare(monkeypatch, tmp_path, "--label_seeds", "1")
    assert len(started) == count
    results = compare(monkeypatch, tmp_path, "--label_seeds", "0", "1")
    assert len(started) == 2 * count
    assert [run["label_seed"] for run in results["peers"]["ModSSC FixMatch"]["runs"]] == [0, 1]


def test_runs_of_other_minutes_are_refused_before_anything_is_trained(monkeypatch, tmp_path, started):
    before = compare(monkeypatch, tmp_path)
    count = len(started)
    with pytest.raises(SystemExit, match="holds runs of 10 minutes.*--output"):
        compare(monkeypatch, tmp_path, "--minutes=1", "--label_seeds", "2")
    assert len(started) == count and json.loads((tmp_path / "peers.json").read_text()) == before


def test_runs_of_a_peer_that_is_gone_stay(monkeypatch, tmp_path, started):
    gone = {"runs": [{"label_seed": 0, "minutes": 10, "test_error": 0.5}]}
    (tmp_path / "peers.json").write_text(json.dumps({"peers": {"gone": gone}}))
    monkeypatch.setattr(compare_peers, "table", lambda results: "")
    assert compare(monkeypatch, tmp_path)["peers"]["gone"]["runs"] == gone["runs"]


def test_the_help_needs_no_tensorflow():
    command = [sys.executable, "-X", "importtime", "-m", "experiments.peers.compare_peers", "--help"]
    done = subprocess.run(command, cwd=places.ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "--minutes" in done.stdout
    assert "tensorflow" not in done.stderr


def test_every_peer_has_an_environment_and_a_module():
    for peer in compare_peers.PEERS.values():
        assert peer.environment in environments.INSTALLS
        assert (places.ROOT / "experiments" / f"{peer.module.replace('.', '/')}.py").exists()
