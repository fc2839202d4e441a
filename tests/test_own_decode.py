"""One picture file of anybody's to pixels: every kind, every damage."""

import dataclasses
import os
import time

import numpy as np
import pytest
from PIL import Image

from ssgan.data.own import Preparation, Unreadable, decode, read_picture
from ssgan.data.resize import fitted
from ssgan.errors import UsageError
from tests import odd_files

COLOR = Preparation(height=16, width=16, channels=3, resize="stretch")
GREY = dataclasses.replace(COLOR, channels=1)
LOSSY = ("jpg", "mpo", "avif", "without_a_suffix")


def luma(color):
    return round(0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2])


@pytest.mark.parametrize("name", odd_files.GOOD)
def test_a_picture_of_every_kind_has_its_colour(name, tmp_path):
    make, color = odd_files.GOOD[name]
    path = odd_files.write(tmp_path / name, make())
    tolerance = 3 if name.endswith(LOSSY) else 1
    for preparation, expected in ((COLOR, color), (GREY, [luma(color)])):
        pixels = read_picture(path, preparation)
        assert pixels.shape == preparation.image_shape and pixels.dtype == np.uint8
        assert np.abs(pixels.astype(int) - expected).max() <= tolerance


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", odd_files.BAD)
def test_a_file_that_is_no_picture_is_refused_with_a_reason_in_one_line(name, tmp_path):
    make, words = odd_files.BAD[name]
    path = odd_files.write(tmp_path / name, make())
    with pytest.raises(Unreadable, match=words) as caught:
        read_picture(path, COLOR)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200 and str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_the_camera_says(orientation, format):
    options = {"quality": 95} if format != "PNG" else {}
    content = odd_files.turned(orientation, format, **options)
    pixels, facts = decode.decode(content, Preparation(height=24, width=40, channels=3, resize="stretch"))
    assert np.abs(pixels.astype(int) - odd_files.scene()).mean() < 5
    assert facts.turned == (orientation > 1)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_photograph_is_decoded_at_a_fraction_of_its_size_and_looks_the_same(orientation):
    scene = odd_files.scene(1200, 1600)
    content = odd_files.turned(orientation, "JPEG", scene, quality=95)
    for resize, fit in (("crop", (slice(None), slice(200, 1400))), ("stretch", (slice(None), slice(None)))):
        preparation = Preparation(height=32, width=32, channels=3, resize=resize)
        pixels, _ = decode.decode(content, preparation)
        expected = Image.fromarray(scene[fit]).resize((32, 32), Image.Resampling.BOX)
        assert np.abs(pixels.astype(int) - np.asarray(expected)).max() <= 4


def test_a_photograph_on_its_side_is_not_decoded_too_coarsely_for_a_tall_image():
    y = np.arange(400)[:, None, None]
    stripes = np.broadcast_to(np.where(y % 8 < 4, 40, 210), (400, 1600, 3)).astype(np.uint8)
    preparation = Preparation(height=128, width=16, channels=3, resize="stretch")
    fast, exact = (
        decode.decode(odd_files.turned(6, format, stripes), preparation)[0].astype(int) for format in ("JPEG", "PNG")
    )
    assert np.abs(fast - exact).max() <= 4 and exact.std() > 30


def test_crop_keeps_the_middle_pad_keeps_all_and_stretch_keeps_no_shape():
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, :20, 0], pixels[:, 20:40, 1], pixels[:, 40:, 2] = 250, 250, 250
    content = odd_files.saved(Image.fromarray(pixels), "PNG")

    def prepared(resize):
        return decode.decode(content, Preparation(height=30, width=30, channels=3, resize=resize))[0]

    assert (prepared("crop")[15, [1, 15, 28]].argmax(axis=1) == 1).all()
    padded = prepared("pad")
    assert (padded[15, [4, 15, 25]].argmax(axis=1) == [0, 1, 2]).all() and (padded[[0, 9, 20, 29]] == 0).all()
    assert (padded[10:20].max(axis=-1) > 100).all()
    assert (prepared("stretch")[[0, 15, 29]][:, [4, 15, 25]].argmax(axis=-1) == [0, 1, 2]).all()


@pytest.mark.parametrize(
    ("shape", "wanted"), [((28, 28), (32, 32)), ((20, 16), (64, 50)), ((90, 60), (32, 32)), ((64, 64), (64, 64))]
)
def test_a_picture_is_prepared_as_an_image_of_a_data_set_is(shape, wanted):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    preparation = Preparation(height=wanted[0], width=wanted[1], channels=3, resize="whole")
    found = decode.decode(odd_files.saved(Image.fromarray(pixels), "PNG"), preparation)[0].astype(int)
    expected = fitted(pixels, wanted).numpy()
    assert abs(found - expected).max() <= 2 and found.std() > 20


@pytest.mark.parametrize("name", ["one_row.png", "one_column.png"])
def test_a_line_is_prepared_in_every_way(name):
    content = odd_files.GOOD[name][0]()
    cropped, padded = (
        decode.decode(content, Preparation(height=16, width=16, channels=3, resize=resize))[0]
        for resize in ("crop", "pad")
    )
    assert (cropped == odd_files.COLOR).all()
    line = padded if "row" in name else padded.swapaxes(0, 1)
    assert (line.any(axis=(1, 2)).sum(), line.any(axis=(0, 2)).sum()) == (1, 16)


def test_16_bits_are_scaled_and_rounded():
    values = np.array([[0, 128, 129, 257, 32639, 65406, 65407, 65535]], np.uint16)
    content = odd_files.saved(Image.fromarray(np.repeat(np.repeat(values, 16, axis=0), 4, axis=1)), "PNG")
    pixels, facts = decode.decode(content, Preparation(height=16, width=32, channels=1, resize="stretch"))
    assert pixels[0, 2::4, 0].tolist() == [0, 0, 1, 1, 127, 254, 255, 255] and facts.mode == "I;16"


def test_facts_tell_what_a_file_was(tmp_path):
    for name, (make, _) in odd_files.GOOD.items():
        _, facts = decode.decode(make(), COLOR)
        assert facts.animated == (name in odd_files.ANIMATED), name
        assert facts.alpha == ("alpha" in name or "rgba" in name or "clear" in name), name
    content = odd_files.turned(6, "JPEG")
    _, facts = decode.decode(content, COLOR)
    path = odd_files.write(tmp_path / "a.jpg", content)
    for found in (facts, decode.look(path)):
        assert found == decode.Facts(
            format="JPEG", mode="RGB", width=24, height=40, animated=False, turned=True, alpha=False
        )


def test_looking_at_a_file_decodes_nothing_and_reads_its_head_alone(tmp_path):
    whole = odd_files.saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (999, 999, 3), np.uint8)), "PNG")
    path = odd_files.write(tmp_path / "a.png", whole[:5000])
    assert (decode.look(path).width, decode.look(path).mode) == (999, "RGB")
    with pytest.raises(Unreadable, match="truncated"):
        read_picture(path, COLOR)


def test_a_hundred_thousand_pages_cost_no_time():
    first = odd_files.saved(odd_files.plain(), "TIFF", compression=None)
    pages = bytearray(first)
    count = int.from_bytes(pages[4:8], "little")
    entries = int.from_bytes(pages[count : count + 2], "little")
    place = count + 2 + 12 * entries  # of the number that says where the next page begins
    for _ in range(100_000):
        start = len(pages) + len(pages) % 2
        pages[place : place + 4] = start.to_bytes(4, "little")
        pages += (
            bytes(start - len(pages)) + b"\1\0" + (256).to_bytes(2, "little") + bytes([3, 0, 1, 0, 0, 0, 9, 0, 0, 0])
        )
        place = len(pages)
        pages += bytes(4)
    begin = time.process_time()
    _, facts = decode.decode(bytes(pages), COLOR)
    assert facts.animated and time.process_time() - begin < 1


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: None], ids=["a folder", "nothing"])
def test_what_is_no_file_is_refused(make, tmp_path):
    make(tmp_path / "a.jpg")
    with pytest.raises(Unreadable, match="not a regular file|No such file"):
        read_picture(tmp_path / "a.jpg", COLOR)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(Unreadable, match="not a regular file"):
        read_picture(tmp_path / "a.jpg", COLOR)


def test_a_preparation_is_what_its_dictionary_says():
    assert Preparation.from_dict(COLOR.as_dict()) == COLOR
    for values in (None, {}, [], {**COLOR.as_dict(), "other": 1}, COLOR.as_dict() | {"height": 16.0}):
        with pytest.raises(UsageError):
            Preparation.from_dict(values)
    for other in ({"height": 15}, {"width": 129}, {"channels": 4}, {"resize": "fill"}, {"resize": ["crop"]}):
        with pytest.raises(UsageError, match="expected height and width 16 to 128"):
            dataclasses.replace(COLOR, **other)
