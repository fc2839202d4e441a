"""Properties that hold for any sizes and seeds: of label masks, batches and options."""

import dataclasses
import math

import numpy as np
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from ssgan.batches import rows_due
from ssgan.data.labels import hold_out, label_mask
from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.options.declare import plain_type
from ssgan.options.flags import parse_flags
from ssgan.options.groups import OwnImages

SEEDS = st.integers(0, 2**31 - 1)


@st.composite
def labels(draw) -> np.ndarray:
    num_classes = draw(st.integers(2, 6))
    counts = draw(st.lists(st.integers(3, 30), min_size=num_classes, max_size=num_classes))
    return np.random.RandomState(draw(SEEDS)).permutation(np.repeat(np.arange(num_classes), counts))


@settings(deadline=None)
@given(labels=labels(), per_class=st.integers(0, 3), seed=SEEDS, free=st.integers(0, 3))
def test_balanced_masks_show_as_many_labels_of_each_class(labels, per_class, seed, free):
    num_classes = labels.max() + 1
    mask = label_mask(labels, per_class * num_classes, seed, "balanced")
    assert np.bincount(labels[mask], minlength=num_classes).tolist() == [per_class] * num_classes
    np.testing.assert_array_equal(mask, label_mask(labels, per_class * num_classes, seed, "balanced"))
    free = min(free, int((~mask).sum()))
    held_out = hold_out(mask, free, seed=seed)
    assert held_out.sum() == free and not (held_out & mask).any()


@settings(deadline=None)
@given(labels=labels(), seed=SEEDS, data=st.data())
def test_proportional_masks_differ_from_the_share_of_a_class_by_less_than_one(labels, seed, data):
    count = data.draw(st.integers(1, len(labels)))
    mask = label_mask(labels, count, seed, "proportional")
    shares = np.bincount(labels) * count / len(labels)
    assert mask.sum() == count
    assert (np.abs(np.bincount(labels[mask], minlength=len(shares)) - shares) < 1).all()


@settings(deadline=None)
@given(size=st.integers(1, 50), count=st.integers(1, 20), seed=SEEDS, steps=st.integers(1, 20))
def test_every_pass_shows_every_row_once(size, count, seed, steps):
    pool = np.arange(size) * 3 + 1
    walk = np.concatenate([rows_due(pool, step, count, stream=(seed, 0)) for step in range(steps)])
    for start in range(0, len(walk) - size + 1, size):
        assert sorted(walk[start : start + size]) == pool.tolist()
    rest = walk[len(walk) // size * size :]
    assert len(set(rest)) == len(rest) and set(rest) <= set(pool)


# Options whose text has a form of its own.
WRITTEN = {"image_size": ["16", "48,64"], "test_fold": ["1/5", "2/3"]}


def _values(field: dataclasses.Field) -> st.SearchStrategy:
    if field.name in WRITTEN:
        return st.sampled_from(WRITTEN[field.name])
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return st.sampled_from(choices)
    kinds = {
        int: lambda: st.integers(low or 0, 10**6 if high is None else high),
        float: lambda: st.floats(low or 0.0, 1e6 if high is None else high, allow_nan=False),
        bool: st.booleans,
        str: lambda: st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=9),
    }
    return kinds[plain_type(field)]()


@st.composite
def configs(draw) -> Config:
    names = st.sets(st.sampled_from([field.name for field in dataclasses.fields(Config)]), max_size=9)
    chosen = draw(names) - {"resume", "run_dir"}
    values = {field.name: draw(_values(field)) for field in dataclasses.fields(Config) if field.name in chosen}
    own = {field.name for field in dataclasses.fields(OwnImages)} & values.keys()
    if own:
        values = {name: value for name, value in values.items() if name not in ("dataset", "train_images")}
        values |= {"images": values.get("images", "photos")}
    try:
        return Config(**values)
    except UsageError:  # some of them do not go together; if most did not, hypothesis would say so
        reject()


@settings(deadline=None, max_examples=50)
@given(config=configs())
def test_options_survive_json_and_flagfiles(tmp_path_factory, config):
    assert Config.from_json(config.to_json()) == config
    flagfile = tmp_path_factory.mktemp("options") / "options.cfg"
    flagfile.write_text(config.to_flagfile())
    assert parse_flags(Config, ["train", f"--flagfile={flagfile}"], usage="") == config


@given(st.floats(allow_nan=True, allow_infinity=True) | st.text(max_size=5) | st.none() | st.lists(st.integers()))
def test_an_option_is_in_its_bounds_or_refused(value):
    try:
        config = Config(learning_rate=value)
    except ValueError as error:
        assert str(error).startswith("--learning_rate=")
    else:
        assert 0 <= config.learning_rate <= 1 and not math.isnan(config.learning_rate)
