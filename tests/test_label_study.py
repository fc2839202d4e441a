"""The study of which pictures to label, and the speed of the page: what is asked for, kept, told and drawn."""

import sys

import numpy as np
import pytest
from PIL import Image

from experiments.common import processes, results
from experiments.studies import labelling_chain, which_labels
from experiments.tables import speed
from experiments.tables import which_labels as tables
from ssgan.data import ImageSet
from ssgan.labelling import picking


def chain(seed=0, *, errors=(0.4, 0.3, 0.2, 0.1), recipe=which_labels.RECIPE):
    return {"seed": seed, "errors": list(errors), "recipe": recipe, "seconds": 90.0}


def test_the_table_of_a_part_of_the_results():
    found = {"sign_digits": {"random": [chain(), chain(1, errors=(0.6, 0.3, 0.22, 0.1))]}}
    lines = tables.table(found).split("\n")
    assert lines[2] == "| sign_digits | random | 50.00 ± 14.14 | 30.00 ± 0.00 | 21.00 ± 1.41 | 10.00 ± 0.00 |"
    assert lines[3].startswith("| sign_digits | typical | not measured yet | |") and lines[6].startswith(
        "| SVHN-lite |"
    )
    assert "over 2 seeds" in lines[-1] and "1.5 minutes of one core" in lines[-1]
    assert tables.table({}).endswith("\n\nNothing is measured yet.")


def test_the_study_makes_each_chain_once_and_draws_them(monkeypatch, tmp_path, capsys):
    asked = []

    def measure(module, options):
        assert module == "studies.labelling_chain"
        asked.append((options["flags"][-1], options["way"], options["seed"], options["labels"]))
        return {"errors": [0.4, 0.3, 0.2, 0.1 + len(asked) / 100], "seconds": 9.0}

    monkeypatch.setattr(processes, "run", measure)
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")
    output = tmp_path / "which_labels.json"

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["which_labels.py", f"--output={output}", *arguments])
        which_labels.main()

    part = "--data_dir=/data", "--sets", "sign_digits", "--ways", "random", "mixed", "--seeds", "0", "2"
    run(*part)
    assert asked[0] == ("--images=/data/sign_digits", "random", 0, [20, 50, 100, 200]) and len(asked) == 4
    run(*part)
    assert len(asked) == 4
    run(*part, "--steps=7")  # another recipe takes the place
    assert len(asked) == 8
    found = results.read(output)["sets"]["sign_digits"]
    assert list(found) == ["random", "mixed"] and [each["seed"] for each in found["mixed"]] == [0, 2]
    assert found["mixed"][0]["recipe"][-1] == "--total_steps=7" and "/data" not in str(found)
    with Image.open(output.with_suffix(".png")) as drawn:
        assert min(drawn.size) > 300
    assert "sign_digits  random     seed 0: 20: 40.00 %" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run()


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    labels = (np.arange(90) % 3).astype(np.int32)
    pixels = random.integers(0, 256, (90, 16, 16, 1), np.uint8)
    return ImageSet(
        name="x", split="train", source="", synthetic=False, images=pixels, labels=labels, class_names=tuple("abc")
    )


def test_a_chain_adds_labels_and_never_takes_one_away(images):
    seen = np.random.default_rng(1).normal(size=(90, 4)), np.random.default_rng(2).dirichlet(np.ones(3), 90)
    masks = {}
    for way in which_labels.WAYS:
        chooser = labelling_chain.Chooser(way, images, 5)
        first = chooser.choose(20)
        chooser.looked(*(each.astype(np.float32) for each in seen))
        second, third = chooser.choose(40), chooser.choose(60)
        assert [mask.sum() for mask in (first, second, third)] == [20, 40, 60]
        assert not (first & ~second).any() and not (second & ~third).any()
        masks[way] = first, second
    assert (masks["random"][0] == masks["uncertain"][0]).all()  # before there is a run
    assert (masks["typical"][0] == masks["mixed"][0]).all()
    assert len({tuple(np.flatnonzero(second)) for _, second in masks.values()}) == 4


def test_mixed_is_typical_by_the_run_up_to_ten_labels_a_class_and_then_uncertain(images, monkeypatch):
    called = []
    for name in ("typical", "uncertain"):
        monkeypatch.setattr(picking, name, _noting(called, name, getattr(picking, name)))
    chooser = labelling_chain.Chooser("mixed", images, 0)
    chooser.choose(20)
    chooser.looked(np.eye(90, 7, dtype=np.float32), np.full((90, 3), 1 / 3, np.float32))
    for count in (25, 35, 45):
        chooser.choose(count)
    assert called == [("typical", 48), ("typical", 7), ("typical", 7), ("uncertain", 7)]


def _noting(called, name, function):
    def noted(features, *arguments, **options):
        called.append((name, features.shape[1]))
        return function(features, *arguments, **options)

    return noted


def test_the_table_of_the_page_s_speed():
    page = {"keys": 200, "median_ms": 41.6, "quantile_95_ms": 60.2, "pictures": 20000, "anonymous_mib": 120}
    choosing = {"pictures": 200000, "embed_seconds": 5.04, "typical_seconds_100_labels": 1.5, "uncertain_seconds": 0.05}
    table = speed.labelling_table({"page": page, "choosing": choosing, "hardware": {"processor": "a core"}})
    assert "| from a key to the next picture, median of 200 | 42 ms |" in table
    assert "| choosing 50 typical ones of them, after 100 labels | 1.5 s |" in table and table.endswith("; a core.")
    assert speed.labelling_table({}) == "Nothing is measured yet."
