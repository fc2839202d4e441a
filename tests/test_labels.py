import os

import numpy as np
import pytest

from ssgan import data
from ssgan.data.labels import hold_out, label_mask, load_label_mask, mask_digest, save_label_mask
from ssgan.errors import UsageError

PINNED_ROWS = [210, 237, 294, 356, 389, 461, 545, 653, 708, 792]
PINNED_DIGEST = "ad12d85dc24e2a4ad0a15a05e3e197378f9e66b8dba46ebe1befa4fec15f98c4"
# 60 rows: 30 of class 0, 20 of class 1, 10 of class 2, interleaved.
LABELS = np.array([0, 1, 0, 2, 0, 1] * 10)


def test_balanced_takes_the_same_number_per_class():
    mask = label_mask(LABELS, 9)
    assert mask.dtype == bool and mask.shape == (60,)
    assert np.bincount(LABELS[mask]).tolist() == [3, 3, 3]


def test_proportional_keeps_the_frequencies():
    assert np.bincount(LABELS[label_mask(LABELS, 12, strategy="proportional")]).tolist() == [
        6,
        4,
        2,
    ]


def test_proportional_gives_the_largest_remainders_the_rest():
    # 11/60 of 30, 20, 10 are 5.5, 3.67, 1.83: the two labels left over go to classes 2 and 1.
    assert np.bincount(LABELS[label_mask(LABELS, 11, strategy="proportional")]).tolist() == [
        5,
        4,
        2,
    ]


def test_first_takes_the_first_rows():
    assert np.flatnonzero(label_mask(LABELS, 4, strategy="first")).tolist() == [0, 1, 2, 3]


def test_the_mask_is_the_same_on_every_machine():
    labels = np.arange(1000) % 10
    assert np.flatnonzero(label_mask(labels, 10, seed=3)).tolist() == PINNED_ROWS
    assert mask_digest(label_mask(labels, 100, seed=3)) == PINNED_DIGEST


def test_another_seed_gives_another_mask():
    assert (label_mask(LABELS, 9, seed=0) != label_mask(LABELS, 9, seed=1)).any()


def test_fewer_labels_of_a_seed_lie_within_more():
    few, many = label_mask(LABELS, 6, seed=5), label_mask(LABELS, 24, seed=5)
    assert not (few & ~many).any()


@pytest.mark.parametrize("strategy", ["balanced", "proportional", "first"])
def test_no_labels_and_all_that_there_are(strategy):
    labels = np.array([0, 1, 1, 0])
    assert label_mask(labels, 0, strategy=strategy).sum() == 0
    assert label_mask(labels, 4, strategy=strategy).all()


@pytest.mark.parametrize(
    ("num_labels", "options", "words"),
    [
        (-1, {}, "-1 labels.*0..60"),
        (61, {"strategy": "first"}, "61 labels.*0..60"),
        (10, {}, "10 labels.*3 classes.*9 or 12"),
        (33, {}, "11 per class.*class 2 has only 10; take at most 30"),
        (8, {"num_classes": 4}, "2 per class.*class 3 has only 0"),
        (9, {"strategy": "odd"}, "'odd'.*balanced, proportional, first"),
        (9, {"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_chosen_is_refused(num_labels, options, words):
    with pytest.raises(UsageError, match=words):
        label_mask(LABELS, num_labels, **options)


@pytest.mark.parametrize("strategy", ["balanced", "proportional", "first"])
def test_images_without_a_label_are_never_chosen_nor_held_out(strategy):
    unlabelled = np.arange(120) % 2 == 0
    labels = np.where(unlabelled, -1, np.repeat(LABELS, 2))
    mask = label_mask(labels, 12, strategy=strategy)
    np.testing.assert_array_equal(mask[~unlabelled], label_mask(LABELS, 12, strategy=strategy))
    assert not mask[unlabelled].any()
    held_out = hold_out(mask, 48, labels=labels)
    assert held_out.sum() == 48 and not (held_out & (mask | unlabelled)).any()
    with pytest.raises(UsageError, match=r"61 labels.*0\.\.60, the number of images that have one \(of 120\)"):
        label_mask(labels, 61, strategy=strategy)
    with pytest.raises(UsageError, match=r"49 validation images.*0\.\.48"):
        hold_out(mask, 49, labels=labels)


def test_without_any_label_none_can_be_chosen():
    assert not label_mask(np.full(5, -1), 0, num_classes=2).any()
    assert not label_mask(np.full(5, -1), 0, strategy="proportional").any()
    with pytest.raises(UsageError, match=r"2 labels.*0\.\.0"):
        label_mask(np.full(5, -1), 2, num_classes=2)


@pytest.mark.parametrize("labels", [[0.0, 1.0], [[0], [1]], [-2, 0], []])
def test_labels_of_another_kind_are_refused(labels):
    with pytest.raises(UsageError, match="expected integers"):
        label_mask(np.array(labels), 0)


def test_hold_out_takes_only_rows_without_a_label():
    mask = label_mask(LABELS, 9)
    held_out = hold_out(mask, 20, seed=0)
    assert held_out.sum() == 20 and not (held_out & mask).any()
    assert (held_out != hold_out(mask, 20, seed=1)).any()
    assert (held_out == hold_out(mask, 20, seed=0)).all()


def test_hold_out_refuses_more_than_there_are():
    mask = label_mask(LABELS, 9)
    assert hold_out(mask, 51).sum() == 51
    with pytest.raises(UsageError, match="52 validation images.*0..51"):
        hold_out(mask, 52)


def test_the_digest_tells_masks_of_different_length_apart():
    # Both are packed into the byte 0b10000000.
    assert mask_digest(np.array([True])) != mask_digest(np.array([True, False]))


def test_a_saved_mask_is_read_back(tmp_path):
    path, mask = tmp_path / "label_mask.npz", label_mask(LABELS, 9)
    assert save_label_mask(path, mask, seed=0, strategy="balanced") == mask_digest(mask)
    np.testing.assert_array_equal(load_label_mask(path), mask)
    assert [file.name for file in tmp_path.iterdir()] == ["label_mask.npz"]
    with np.load(path, allow_pickle=False) as archive:
        assert str(archive["about"]) == '{"seed": 0, "strategy": "balanced"}'


def test_a_saved_mask_is_never_overwritten(tmp_path):
    path, mask = tmp_path / "label_mask.npz", label_mask(LABELS, 9)
    save_label_mask(path, mask)
    written = path.stat()
    save_label_mask(path, mask)
    assert path.stat().st_mtime_ns == written.st_mtime_ns and path.stat().st_ino == written.st_ino
    with pytest.raises(UsageError, match="not overwritten"):
        save_label_mask(path, label_mask(LABELS, 9, seed=1))
    np.testing.assert_array_equal(load_label_mask(path), mask)


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_label_mask(tmp_path / "label_mask.npz", label_mask(LABELS, 9))
    assert list(tmp_path.iterdir()) == []


def test_a_changed_or_foreign_file_is_refused(tmp_path):
    path, mask = tmp_path / "label_mask.npz", label_mask(LABELS, 9)
    np.savez(path, mask=~mask, digest=mask_digest(mask))
    with pytest.raises(UsageError, match="was changed"):
        load_label_mask(path)
    np.savez(path, mask=np.array([object()]), digest="")
    with pytest.raises(UsageError, match="no readable NumPy archive"):
        load_label_mask(path)
    for content in (b"", b"PK\x03\x04 cut short", b"words"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="no readable NumPy archive"):
            load_label_mask(path)
    with pytest.raises(UsageError, match="no readable NumPy archive"):
        load_label_mask(tmp_path / "absent.npz")


def test_a_flipped_byte_is_never_read_as_another_mask(tmp_path):
    path, mask = tmp_path / "label_mask.npz", label_mask(LABELS, 9)
    save_label_mask(path, mask)
    content, refused = path.read_bytes(), 0
    for position in range(0, len(content), 5):
        flipped = bytes([content[position] ^ 0xFF])
        path.write_bytes(content[:position] + flipped + content[position + 1 :])
        try:
            np.testing.assert_array_equal(load_label_mask(path), mask)
        except UsageError:
            refused += 1
    assert refused > 20


def test_svhn_lite_has_a_hundred_labels_per_class():
    if "SSGAN_DATA_DIR" not in os.environ:
        pytest.skip("SSGAN_DATA_DIR is not set")
    folder = os.path.join(os.environ["SSGAN_DATA_DIR"], "svhn_lite")
    labels = data.load("svhn_cropped", "train", data_dir=folder).labels
    assert np.bincount(labels[label_mask(labels, 1000)]).tolist() == [100] * 10
