"""Options of earlier versions are read with what they meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from ssgan.errors import UsageError
from ssgan.options import OWN, Config, versions
from ssgan.store import files
from ssgan.store.run import saved_options

RESULTS = Path(__file__).parent.parent / "experiments" / "results"
REMOVED = {
    "rotate": (0.0, 10.0),
    "zoom": (0.0, 0.1),
    "train_gain": (False, True),
    "consistency": ("pseudo_labels", "mean_teacher"),
    "entropy_weight": (0.0, 0.1),
    "pull_away_weight": (0.0, 1.0),
    "manifold_weight": (0.0, 1.0),
    "warm_up": (0.0, 0.1),
}


def published() -> list[dict[str, Any]]:
    """Returns the options of every run behind a published figure."""
    found = (files.dictionaries(files.read_json(path)) for path in sorted(RESULTS.glob("*.json")))
    options = [values.get("options") for results in found for values in results]
    return [values for values in options if isinstance(values, dict) and "label_strategy" in values]


def test_the_options_of_every_published_figure_are_read():
    options = published()
    assert len(options) > 80 and {len(values) for values in options} >= {33, 35, 37, 38, 45}
    for values in options:
        if values["dataset"] == OWN:
            values = {**values, "images": "photos"}  # folders of the machine are not in the results
        if values["arch"] == "medium":  # tried and never released
            with pytest.raises(UsageError, match="--arch=medium: expected one of"):
                Config.from_json(json.dumps(values))
            continue
        read = vars(Config.from_json(json.dumps(values)))
        kept = {name: value for name, value in values.items() if name in read and name != "augment"}
        assert {name: read[name] for name in kept} == kept | {"image_size": str(kept["image_size"])}


def test_what_an_option_meant_before_it_was_there_is_kept():
    oldest = Config.from_json(json.dumps({"labels": 100, "augment": True}))
    assert (oldest.gan_every, oldest.unlabeled_start, oldest.augment) == (1, 0.0, "color")
    assert Config.from_json('{"augment": false}').augment == "none"
    assert Config.from_json('{"gan_every": 3}').gan_every == 3


@pytest.mark.parametrize(("name", "values"), REMOVED.items())
def test_a_removed_option_refuses_only_to_resume_a_run_that_made_use_of_it(tmp_path, name, values):
    unused, used = values
    for value in values:
        options = {**json.loads(Config(labels=70).to_json()), name: value}
        (tmp_path / "options.json").write_text(json.dumps(options))
        assert Config.from_json(json.dumps(options)) == Config(labels=70)
        resumed = Config(run_dir=str(tmp_path), resume=True)
        if value == unused:
            assert saved_options(resumed).labels == 70
        else:
            with pytest.raises(UsageError, match=f"begun with --{name}={used}, which this version of ssgan does not"):
                saved_options(resumed)


def test_every_removed_option_is_tested():
    assert {name: unused for name, (unused, _) in REMOVED.items()} == versions._REMOVED
