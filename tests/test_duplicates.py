"""Duplicates are found, and what only looks alike is not taken for one."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from ssgan.data import duplicates
from ssgan.data.duplicates import Group, Pair, duplicates_between, groups_of_duplicates
from ssgan.data.fingerprints import fingerprints


def pictures(count: int, *, size: int = 64, seed: int = 0) -> np.ndarray:
    """Smooth random colour pictures, uint8 [count, size, size, 3]."""
    fields = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(field).resize((size, size), Image.BICUBIC)) for field in fields])


def recoded(picture: Image.Image) -> Image.Image:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=60)
    return Image.open(content)


def scaled(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width * 9 // 10, picture.height * 9 // 10), Image.BICUBIC)


def brightened(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(1.05)


def cropped(picture: Image.Image) -> Image.Image:
    return picture.crop((1, 0, picture.width, picture.height - 1))


def changed(images: np.ndarray, change) -> np.ndarray:
    """Images after a change, brought back to their size."""
    size = images.shape[2], images.shape[1]
    made = [change(Image.fromarray(image)) for image in images]
    return np.stack([np.asarray(one if one.size == size else one.resize(size, Image.BICUBIC)) for one in made])


CHANGES = [recoded, scaled, brightened, cropped]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_in_the_other_set(change):
    images = pictures(60)
    found = duplicates_between(images, changed(images[20:40], change))
    assert found == [Pair(20 + row, row, exact=False) for row in range(20)]


def test_groups_hold_copies_of_copies_and_say_whether_they_are_exact():
    images = pictures(8)
    images[7] = images[2]
    near = changed(images[4:5], recoded)
    found = groups_of_duplicates(np.concatenate([images, near, near]))
    assert found == [Group((2, 7), exact=True), Group((4, 8, 9), exact=False)]
    assert groups_of_duplicates(images[:7]) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_one_other_pixel_is_no_exact_duplicate(channels):
    images = pictures(2)[..., :channels].repeat(2, axis=0)
    images[1, 0, 0, 0] ^= 1
    assert groups_of_duplicates(images) == [Group((0, 1), exact=False), Group((2, 3), exact=True)]


def test_the_most_alike_of_the_first_set_is_named_and_an_exact_one_before_all():
    images = pictures(3)
    first = np.concatenate([changed(images, cropped), changed(images, brightened), images[:1]])
    assert duplicates_between(first, images) == [Pair(6, 0, True), Pair(4, 1, False), Pair(5, 2, False)]
    assert duplicates_between(images[:1], images[:0]) == [] == duplicates_between(images[:0], images)
    assert groups_of_duplicates(images[:0]) == []


def test_a_duplicate_within_the_second_set_is_found_through_each_of_its_images():
    images = pictures(2)
    near = changed(images[:1], recoded)
    assert duplicates_between(images, np.concatenate([near, near])) == [Pair(0, 0, False), Pair(0, 1, False)]


@pytest.mark.parametrize("seed", [0, 1])
def test_another_thing_before_the_same_background_is_no_duplicate(seed):
    images = pictures(1, seed=seed).repeat(2, axis=0)
    for image, (top, left) in zip(images, [(5, 4), (30, 36)], strict=True):
        thing = image[top : top + 26, left : left + 22]
        thing[:] = thing // 2 + 100
    prints = fingerprints([images])
    assert np.bitwise_count(prints.hashes[0] ^ prints.hashes[1]) <= duplicates.HASH_DISTANCE
    assert 0.34 < duplicates._pixel_distance(prints, np.array([[0, 1]])) < 0.4  # the pixels alone tell them apart
    assert groups_of_duplicates(images) == []


def _flatter(images: np.ndarray) -> np.ndarray:
    means = images.mean(axis=(1, 2), keepdims=True)
    return means + (images - means) * 0.7


@pytest.mark.parametrize("change", [lambda x: x * 0.7, lambda x: x * 0.9 + 40, _flatter])
def test_other_brightness_or_contrast_is_no_duplicate(change):
    images = pictures(5)
    assert duplicates_between(images, change(images).clip(0, 255).astype(np.uint8)) == []


def test_blank_pages_with_noise_are_no_more_than_their_pixels_say():
    noise = np.random.default_rng(0).normal(250, 1, (200, 32, 32, 1)).clip(0, 255).astype(np.uint8)
    noise[9] = noise[3]
    exact = [group for group in groups_of_duplicates(noise) if group.exact]
    assert exact == [Group((3, 9), exact=True)]


def test_pictures_that_are_all_alike_are_joined_without_a_look_at_every_pair(monkeypatch):
    """As those of a camera that does not move."""
    noise = np.random.default_rng(0).integers(-2, 3, (600, 32, 32, 3))
    frames = (pictures(1, size=32) + noise).clip(0, 255).astype(np.uint8)
    compared, distance = [], duplicates._pixel_distance

    def counted(prints, pairs):
        compared.append(len(pairs))
        return distance(prints, pairs)

    monkeypatch.setattr(duplicates, "_pixel_distance", counted)
    monkeypatch.setattr(duplicates, "_CHUNK_PAIRS", 1000)
    assert groups_of_duplicates(frames) == [Group(tuple(range(600)), exact=False)]
    assert sum(compared) < 20_000  # of 179,700


class Counted:
    """A source that remembers how many images were read at once."""

    def __init__(self, images):
        self.images, self.most = images, 0

    def __len__(self):
        return len(self.images)

    def read(self, rows):
        self.most = max(self.most, len(rows))
        return self.images[rows]


def test_a_source_is_read_a_few_images_at_a_time(monkeypatch):
    monkeypatch.setattr("ssgan.data.fingerprints._CHUNK_BYTES", 5 * 64 * 64 * 3)
    source = Counted(np.concatenate([pictures(12), pictures(1)]))
    assert groups_of_duplicates(source) == [Group((0, 12), exact=True)] and source.most == 5


def test_pairs_do_not_depend_on_how_many_are_compared_at_once(monkeypatch):
    images = np.concatenate([(base := pictures(40)), changed(base, cropped), changed(base, recoded)])
    before = groups_of_duplicates(images)
    monkeypatch.setattr(duplicates, "_CHUNK_PAIRS", 3)
    assert groups_of_duplicates(images) == before == [Group((i, i + 40, i + 80), False) for i in range(40)]


def test_no_candidate_is_missed_and_none_comes_twice():
    images = pictures(300, size=16, seed=1)
    images[150:] = changed(images[:150], lambda picture: picture.rotate(4))
    prints = fingerprints([images])
    differing = np.bitwise_count(prints.hashes[:, None] ^ prints.hashes)
    brightness = prints.levels.mean(axis=1)
    close = np.abs(brightness[:, None] - brightness) <= duplicates.LEVEL_DISTANCE
    expected = np.argwhere(np.triu((differing <= duplicates.HASH_DISTANCE) & close, 1))
    found = np.concatenate(list(duplicates._candidates(prints, np.arange(300))))
    assert len(expected) > 50 and sorted(map(sorted, found.tolist())) == expected.tolist()


@pytest.fixture(scope="module")
def hands():
    """Photographs of hands before the same few backgrounds, uint8 [n, 64, 64, 3]."""
    folder = os.environ.get("SSGAN_DATA_DIR")
    if not folder or not Path(folder, "sign_digits").is_dir():
        pytest.skip("SSGAN_DATA_DIR names no folder with sign_digits")
    files = sorted(Path(folder, "sign_digits").glob("test/*/*.JPG"))
    shown = [Image.open(file) for file in files]
    return np.stack([np.asarray(one.resize((64, 64), Image.BOX)) for one in shown if one.size == (100, 100)])


def test_photographs_of_other_hands_are_no_duplicates_and_their_copies_are(hands):
    assert len(hands) > 400 and groups_of_duplicates(hands) == []
    for change in CHANGES:
        found = duplicates_between(hands, changed(hands[::4], change))
        assert found == [Pair(4 * row, row, exact=False) for row in range(len(hands[::4]))]
