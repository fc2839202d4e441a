import hashlib

import numpy as np
import pytest
import tensorflow as tf

from ssgan.batches import masked_batches, mixed_batches, rows_due
from ssgan.errors import UsageError

ROWS = 30
NUMBERS = np.arange(ROWS)
IMAGES = np.broadcast_to(NUMBERS.astype(np.uint8)[:, None, None, None], (ROWS, 4, 4, 3)).copy()  # each shows its row
IMAGES_OR_SOURCE = IMAGES
LABELS = NUMBERS % 7
MASK = np.isin(NUMBERS, [2, 3, 5, 7, 11])
HELD_OUT = [0, 2, 29]
POOL = np.setdiff1d(NUMBERS, HELD_OUT)
PINNED = {
    "mixed": "b8de0cf364ad5dc095c565c8b23a479e4110bdc87f0b7bd67105d3568491d7a6",
    "masked": "89c68991fe9de9020f10ddded10e60069698ccb6ff77d92250f95088fcb64f0b",
}


def mixed(*, labels=LABELS, mask=MASK, labeled_batch=3, unlabeled_batch=4, seed=0, steps=12, **options):
    sizes = {"labeled_batch": labeled_batch, "unlabeled_batch": unlabeled_batch}
    return mixed_batches(IMAGES_OR_SOURCE, labels, mask, **sizes, seed=seed, steps=steps, **options)


def masked(*, labels=LABELS, mask=MASK, batch=7, seed=0, steps=12, **options):
    return masked_batches(IMAGES_OR_SOURCE, labels, mask, batch=batch, seed=seed, steps=steps, **options)


def arrays(data):
    """Returns of each batch all images, their labels, -1 where hidden, and whether they are visible."""
    return [stream(batch) for batch in data.as_numpy_iterator()]


def stream(batch):
    if not isinstance(batch, dict):
        return [*batch, batch[1] >= 0]
    images = [batch[role] for role in ("labeled", "unlabeled", "generator") if role in batch]
    known = batch.get("labels", np.zeros(0, np.int32))
    labels = np.concatenate([known, np.full(sum(map(len, images)) - len(known), -1)])
    return [np.concatenate(images), labels, labels >= 0]


def rows(data):
    """Returns the row numbers in the batches, int [steps, b], read off the images."""
    return np.array([images[:, 0, 0, 0] for images, _, _ in arrays(data)], int)


def assert_equal(found, expected):
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)


both = pytest.mark.parametrize("make", [mixed, masked])


@pytest.mark.parametrize("make", [mixed, masked])
def test_no_thread_tunes_them_which_the_end_of_a_training_would_wait_for(make):
    assert make().options().autotune.enabled is False


def test_shapes_and_dtypes():
    def images(count):
        return tf.TensorSpec((count, 4, 4, 3), tf.uint8)

    assert masked().element_spec == (images(7), tf.TensorSpec((7,), tf.int32))
    labeled = {"labeled": images(3), "labels": tf.TensorSpec((3,), tf.int32)}
    assert mixed().element_spec == {**labeled, "unlabeled": images(4)}
    assert mixed(unlabeled_batch=0).element_spec == labeled
    everything = {**labeled, "unlabeled": images(4), "generator": images(2)}
    assert mixed(generator_batch=2).element_spec == everything
    assert all(len(arrays(data)) == data.cardinality() == 12 for data in (mixed(), masked()))


def test_the_generators_own_images_follow_the_unlabelled_ones():
    alone = rows(mixed(unlabeled_batch=6, steps=5))[:, 3:]
    both = [batch for batch in mixed(unlabeled_batch=4, generator_batch=2, steps=5).as_numpy_iterator()]
    np.testing.assert_array_equal(alone, rows(mixed(unlabeled_batch=4, generator_batch=2, steps=5))[:, 3:])
    assert all(len(batch["generator"]) == 2 for batch in both)


@both
def test_a_source_gives_the_batches_of_its_images(make, monkeypatch):
    class Source:
        image_shape = IMAGES.shape[1:]

        def __len__(self):
            return ROWS

        def read(self, rows):
            return IMAGES[rows]

    expected = arrays(make())
    monkeypatch.setattr("tests.test_batches.IMAGES_OR_SOURCE", Source())
    assert_equal(arrays(make()), expected)


def test_what_is_no_array_and_no_source_is_refused():
    with pytest.raises(ValueError, match=r"images are a list; expected uint8 \[n, height, width, channels\], an array"):
        mixed_batches(list(IMAGES), LABELS, MASK, labeled_batch=1, unlabeled_batch=1, seed=0)


def test_empty_batches_are_refused():
    with pytest.raises(ValueError, match="labeled_batch=0 and unlabeled_batch=0 leave a batch empty"):
        mixed(labeled_batch=0, unlabeled_batch=0)


@both
def test_any_start_gives_the_tail_of_the_stream(make):
    whole = arrays(make())
    for start in (1, 5, 11):
        assert_equal(arrays(make(start=start)), whole[start:])
    assert arrays(make(start=12)) == []


@both
def test_the_same_seed_gives_the_same_batches_and_another_seed_others(make):
    assert_equal(arrays(make(seed=3)), arrays(make(seed=3)))
    assert (rows(make(seed=3)) != rows(make(seed=4))).any(axis=1).all()


@both
def test_images_are_those_of_the_data_unchanged(make):
    for images, _, _ in arrays(make()):
        np.testing.assert_array_equal(images, IMAGES[images[:, 0, 0, 0]])


def test_every_pass_visits_each_row_of_the_pool_once():
    stream = rows(masked(steps=27 * 2, unlabeled=POOL)).ravel()  # 14 passes over 27 rows
    for number, walk in enumerate(stream.reshape(14, 27)):
        np.testing.assert_array_equal(np.sort(walk), POOL)
        assert number == 0 or (walk != stream[:27]).any()


def test_every_pass_of_mixed_batches_visits_both_pools_once():
    found = rows(mixed(steps=5 * 27, unlabeled=POOL))
    labeled, unlabeled = found[:, :3].reshape(-1, 5), found[:, 3:].reshape(-1, 27)
    assert (np.sort(labeled, axis=1) == np.flatnonzero(MASK)).all()
    assert (np.sort(unlabeled, axis=1) == POOL).all()


@pytest.mark.parametrize("count", [1, 4, 10, 25])
def test_rows_due_walk_a_small_pool_again_and_again(count):
    pool = np.array([7, 5, 3, 2])
    stream = np.concatenate([rows_due(pool, step, count, stream=(1, 0)) for step in range(8)])
    assert stream.dtype == np.int64 and len(stream) == 8 * count
    for walk in stream[: len(stream) // 4 * 4].reshape(-1, 4):
        assert sorted(walk) == [2, 3, 5, 7]


def test_streams_of_one_seed_differ():
    one, other = (rows_due(np.arange(1000), 0, 1000, stream=(0, purpose)) for purpose in (0, 1))
    assert (one != other).mean() > 0.9


def test_labelled_rows_come_first_and_are_truly_labelled():
    for images, labels, mask in arrays(mixed(unlabeled=POOL)):
        numbers = images[:, 0, 0, 0]
        assert mask.tolist() == [True] * 3 + [False] * 4
        assert MASK[numbers[:3]].all()
        np.testing.assert_array_equal(labels, [*LABELS[numbers[:3]], -1, -1, -1, -1])


def test_masked_batches_show_labels_exactly_where_the_mask_allows():
    for images, labels, mask in arrays(masked()):
        numbers = images[:, 0, 0, 0]
        np.testing.assert_array_equal(mask, MASK[numbers])
        np.testing.assert_array_equal(labels, np.where(MASK[numbers], LABELS[numbers], -1))


@both
def test_hidden_labels_have_no_influence(make):
    rubbish = np.where(MASK, LABELS, 1_000_000 - 13 * NUMBERS)
    assert_equal(arrays(make(labels=rubbish)), arrays(make()))


@both
def test_visible_labels_have_influence(make):
    other = arrays(make(labels=LABELS + 1))
    assert any((new[1] != old[1]).any() for new, old in zip(other, arrays(make()), strict=True))


@pytest.mark.parametrize(("make", "first"), [(mixed, 3), (masked, 0)])
def test_held_out_rows_never_appear(make, first):
    seen = rows(make(unlabeled=POOL, steps=60))[:, first:]
    assert set(seen.ravel().tolist()) == set(POOL.tolist())


@both
def test_the_order_is_the_same_on_every_machine(make):
    found = rows(make(seed=5, steps=20, unlabeled=POOL)).astype("<i8")
    assert hashlib.sha256(found.tobytes()).hexdigest() == PINNED[make.__name__]


def test_images_are_not_copied():
    images = np.zeros_like(IMAGES)
    data = mixed_batches(images, LABELS, MASK, labeled_batch=3, unlabeled_batch=4, seed=0, steps=12)
    images[:] = 7
    assert all((shown == 7).all() for shown, _, _ in arrays(data))


def test_no_visible_labels():
    nothing = np.zeros(ROWS, bool)
    for data in (mixed(mask=nothing, labeled_batch=0), masked(mask=nothing, batch=4)):
        for images, labels, mask in arrays(data):
            assert images.shape == (4, 4, 4, 3) and (labels == -1).all() and not mask.any()


def test_labelled_rows_only():
    images, labels, mask = arrays(mixed(unlabeled_batch=0))[0]
    assert len(images) == 3 and mask.all() and (labels == LABELS[images[:, 0, 0, 0]]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_of_any_integer_type(dtype):
    assert_equal(arrays(mixed(labels=LABELS.astype(dtype))), arrays(mixed()))


def test_labelled_rows_of_nothing_are_refused():
    with pytest.raises(ValueError, match="labeled_batch=3, but label_mask shows no label; expected labeled_batch=0"):
        mixed(mask=np.zeros(ROWS, bool))


@pytest.mark.parametrize("make", [mixed_batches, masked_batches])
@pytest.mark.parametrize(
    ("images", "labels", "mask", "message"),
    [
        (IMAGES.astype(np.float32), LABELS, MASK, r"images are float32 \(30, 4, 4, 3\); expected uint8 \[n, height"),
        (IMAGES[0], LABELS, MASK, r"images are uint8 \(4, 4, 3\); expected uint8 \[n, height"),
        (IMAGES, LABELS[:9], MASK, r"labels \(9,\) and .* do not fit 30 images; expected integer \[30\]"),
        (IMAGES, LABELS, MASK[:9], r"label_mask bool \(9,\) do not fit 30 images"),
        (IMAGES, LABELS, MASK.astype(int), r"label_mask int64 \(30,\) do not fit 30 images; .* bool \[30\]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(make, images, labels, mask, message):
    sizes = {"batch": 2} if make is masked_batches else {"labeled_batch": 1, "unlabeled_batch": 1}
    with pytest.raises(ValueError, match=message):
        make(images, labels, mask, **sizes, seed=0, steps=1)


@both
@pytest.mark.parametrize("form", [lambda y: y[:, None], lambda y: y.astype(float), lambda y: np.where(MASK, y, np.nan)])
def test_a_label_per_image_in_any_form(make, form):
    assert_equal(arrays(make(labels=form(LABELS))), arrays(make()))


@both
@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (LABELS + 0.5, r"2\.5, float64"),
        (np.where(NUMBERS == 5, np.nan, LABELS), "nan, float64"),
        (np.where(NUMBERS == 5, -1, LABELS), "-1, int64"),
        (np.where(NUMBERS == 5, 2**32, LABELS), "4294967296, int64"),
        (LABELS.astype(str), "2, <U"),
    ],
)
def test_visible_labels_that_are_no_class_numbers_are_refused(make, labels, shown):
    with pytest.raises(UsageError, match=f"label_mask shows labels such as {shown}.*; expected whole numbers from"):
        make(labels=labels)


@both
def test_one_hot_labels_are_refused(make):
    with pytest.raises(ValueError, match=r"labels \(30, 7\) .* labels.argmax\(axis=-1\)"):
        make(labels=np.eye(7)[LABELS])


@both
def test_without_an_end_the_batches_go_on(make):
    endless = make(steps=None)
    assert endless.cardinality() == tf.data.INFINITE_CARDINALITY
    assert_equal(arrays(endless.take(12)), arrays(make()))
    assert_equal(arrays(make(steps=None, start=9).take(3)), arrays(make())[9:])


@both
def test_batches_pass_through_a_pipeline_and_a_graph(make):
    expected = rows(make())

    def numbers(*batch):
        images = tf.concat([batch[0]["labeled"], batch[0]["unlabeled"]], 0) if make is mixed else batch[0]
        return tf.cast(images[:, 0, 0, 0], tf.int64)

    np.testing.assert_array_equal(next(iter(make().map(numbers).batch(12))), expected)

    @tf.function
    def total(data):
        return data.reduce(tf.constant(0, tf.int64), lambda so_far, shown: so_far + tf.reduce_sum(shown))

    assert total(make().map(numbers)).numpy() == expected.sum()


@pytest.mark.parametrize("unlabeled", [np.zeros(0, int), np.ones(12, bool)])
def test_a_pool_that_is_empty_or_a_mask_is_refused(unlabeled):
    images, labels = np.zeros((12, 16, 16, 1), np.uint8), np.zeros(12, np.int32)
    with pytest.raises(ValueError, match="unlabeled is .* expected the row numbers"):
        masked_batches(images, labels, labels == 1, unlabeled=unlabeled, batch=2, seed=0, steps=1)
