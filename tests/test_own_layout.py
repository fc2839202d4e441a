"""What is found in somebody's folder: files, labels by sub-folder, splits."""

import os
import unicodedata

import numpy as np
import pytest
from PIL import Image

from ssgan.data.own import find, folder, layout
from ssgan.data.own.layout import Entry, alike_names, class_names, list_pictures, read_folders
from ssgan.errors import UsageError
from tests import odd_files

PNG = odd_files.saved(odd_files.plain(), "PNG")


def write(folder, *names):
    for name in names:
        odd_files.write(folder / name, PNG)
    return folder


def test_pictures_are_found_by_name_or_beginning_and_the_rest_is_passed_over(tmp_path):
    odd_files.make_good(tmp_path / "images")
    found = list_pictures(tmp_path / "images")
    assert sorted(key.split("/")[1] for key in found.paths) == sorted(odd_files.GOOD)
    assert list(found.paths) == sorted(found.paths) and found.refused == {}
    hidden = sum(name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini") for name in odd_files.OTHERS)
    assert found.others == len(odd_files.OTHERS) - hidden


def test_links_are_followed_inside_the_folder_alone(tmp_path):
    home = write(tmp_path / "images", "cat/a.png", "dog/b.png")
    write(tmp_path, "outside/c.png")
    (home / "cat/inside.png").symlink_to(home / "dog/b.png")
    (home / "cat/outside.png").symlink_to(tmp_path / "outside/c.png")
    (home / "cat/relative.png").symlink_to("../../outside/c.png")
    (home / "cat/passwd").symlink_to("/etc/passwd")
    (home / "cat/itself.png").symlink_to("itself.png")
    (home / "birds").symlink_to(tmp_path / "outside")
    (home / "again").symlink_to(home)
    found = list_pictures(home)
    assert set(found.paths) == {"cat/a.png", "cat/inside.png", "dog/b.png"}
    assert set(found.refused) == {"cat/outside.png", "cat/relative.png", "cat/passwd", "cat/itself.png", "birds"}
    assert all("leads out of the folder" in reason for reason in found.refused.values())
    (tmp_path / "by_link").symlink_to(home)
    assert list(list_pictures(tmp_path / "by_link").paths) == list(found.paths)


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    home = write(tmp_path, "cat/a.png", "dog/b.png")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert list_pictures(home).refused == {"dog": "a folder that cannot be read (Permission denied)"}


def test_names_of_any_bytes_are_keys(tmp_path):
    names = ["größe.jpg", "a\nb.jpg", "<b>.jpg", "-rf.jpg", "=1+1.jpg", "‮gpj.exe.jpg", "x" * 200 + ".jpg", " .jpg"]
    for name in [os.fsencode(name) for name in names] + [b"\xff\xfe.jpg"]:
        odd_files.write(os.path.join(os.fsencode(tmp_path), b"cat", name).decode("utf-8", "surrogateescape"), PNG)
    found = list_pictures(tmp_path)
    assert {*found.paths} == {f"cat/{name}" for name in [*names, "\udcff\udcfe.jpg"]}
    assert all(path.read_bytes() == PNG for path in found.paths.values())


def test_a_decomposed_name_has_a_composed_key_and_two_that_look_the_same_are_refused(tmp_path):
    decomposed = unicodedata.normalize("NFD", "größe.jpg")
    write(tmp_path, f"cat/{decomposed}")
    assert list(list_pictures(tmp_path).paths) == ["cat/größe.jpg"]
    write(tmp_path, "cat/größe.jpg")
    with pytest.raises(UsageError, match="have names that look the same; rename one"):
        list_pictures(tmp_path)
    said = []
    assert len(list_pictures(tmp_path, complain=said.append).paths) == 1 and len(said) == 1


@pytest.mark.parametrize("name", ["missing", "file", "empty"])
def test_no_folder_of_pictures_is_refused(name, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is not an existing folder|holds no pictures; expected files such as"):
        list_pictures(tmp_path / name)


def test_what_leads_out_of_a_folder_of_links_is_said(tmp_path):
    write(tmp_path, "data/cat/1.png")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "cat").symlink_to(tmp_path / "data" / "cat")
    with pytest.raises(UsageError, match="holds no pictures; .* in it; cat: a link that leads out of the folder"):
        list_pictures(tmp_path / "links")


def test_what_network_drives_leave_is_no_picture(tmp_path):
    write(tmp_path, "cat/1.png", "cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.png", "$RECYCLE.BIN/2.png", "@eaDir/3.png")
    assert list(list_pictures(tmp_path).paths) == ["cat/1.png"]


def entries(*keys):
    return {key: (one.label, one.split) for key, one in read_folders(keys, layout.Path("images")).items()}


def test_sub_folders_are_classes():
    assert entries(
        "cat/1.png", "cat/deep/er/1.png", "dog/1.png", "1.png", "_unlabeled/2.png", "_unlabelled/a/b.png"
    ) == {
        "cat/1.png": ("cat", "train"),
        "cat/deep/er/1.png": ("cat", "train"),
        "dog/1.png": ("dog", "train"),
        "1.png": (None, "train"),
        "_unlabeled/2.png": (None, "train"),
        "_unlabelled/a/b.png": (None, "train"),
    }


def test_train_and_test_are_splits_and_what_lies_beside_them_takes_no_part():
    keys = ("train/cat/1.png", "train/_unlabeled/2.png", "train/3.png", "test/cat/1.png", "_unlabeled/4.png")
    assert entries(*keys, "val/cat/1.png", "5.png") == {
        "train/cat/1.png": ("cat", "train"),
        "train/_unlabeled/2.png": (None, "train"),
        "train/3.png": (None, "train"),
        "test/cat/1.png": ("cat", "test"),
        "_unlabeled/4.png": (None, "train"),
    }


def test_a_class_may_be_called_train():
    assert entries("plane/1.png", "train/1.png") == {
        "plane/1.png": ("plane", "train"),
        "train/1.png": ("train", "train"),
    }


@pytest.mark.parametrize("name", ["unlabeled", "Unlabelled", "nolabel ", "_Unlabeled"])
def test_a_class_unlabeled_is_told_of(name):
    with pytest.raises(UsageError, match="would be a class of that name; pictures without a label belong into _unlab"):
        class_names(labelled("cat", name))


@pytest.mark.parametrize("name", ["test", "Train", "val", "validation"])
def test_a_split_without_train_beside_it_does_not_become_a_class(name):
    with pytest.raises(UsageError, match=f"{name} in '.*' would be a class of that name; put .* into train/<class>/"):
        entries("cat/1.png", f"{name}/cat/1.png")
    assert entries(f"{name}/1.png", "cat/1.png").keys() == {f"{name}/1.png", "cat/1.png"}


def labelled(*names, split="train"):
    return {f"{split}/{number}": Entry(label=name, split=split) for number, name in enumerate(names)}


def test_labels_that_differ_in_case_or_space_are_told_of():
    for names in (("cat", "Cat"), ("dog", "dog "), ("big_cat", "Big cat"), ("ﬁsh", "fish")):
        with pytest.raises(UsageError, match="differ in case or space alone: .*; did you mean one class"):
            class_names(labelled(*names, "bird"))
    assert alike_names(["a", "A", "b", "c", "B ", "d"]) == [["A", "a"], ["B ", "b"]]
    assert class_names(labelled("b", "a", None, "007", "7", "NA")) == ("007", "7", "NA", "a", "b")


def test_a_hundred_thousand_classes_and_test_classes_of_their_own_are_refused():
    with pytest.raises(UsageError, match="100,000 different labels, such as '0' and '99999'; expected at most 1,000"):
        class_names(labelled(*map(str, range(100_000))))
    with pytest.raises(UsageError, match="test pictures of classes that no train picture has: 'bird'"):
        class_names(labelled("cat") | labelled("bird", split="test"))


def test_find_brings_together_what_is_named_beside_the_folder(tmp_path):
    write(tmp_path, "images/train/cat/1.png", "images/test/cat/2.png", "images/val/cat/3.png", "images/test/4.png")
    (tmp_path / "images/notes").mkdir()
    (tmp_path / "images/notes/none.txt").write_text("none")
    write(tmp_path, "more/cat/1.png", "more/2.png", "held_out/cat/1.png")
    found = find(tmp_path / "images")
    assert {key: (one.label, one.split) for key, one in found.entries.items()} == {
        "train/cat/1.png": ("cat", "train"),
        "test/cat/2.png": ("cat", "test"),
    }
    assert (found.left_out, found.others, found.has_test) == (("test/4.png", "val/cat/3.png"), 1, True)
    found = find(tmp_path / "images", unlabeled_images=tmp_path / "more", test_images=tmp_path / "held_out")
    assert {key: (one.label, one.split) for key, one in found.entries.items()} == {
        "train/cat/1.png": ("cat", "train"),
        "unlabeled_images:cat/1.png": (None, "train"),
        "unlabeled_images:2.png": (None, "train"),
        "test_images:cat/1.png": ("cat", "test"),
    }
    assert list(found.paths) == list(found.entries) and len(found.roots) == 3
    assert set(found.left_out) == {"test/4.png", "test/cat/2.png", "val/cat/3.png"}
    with pytest.raises(UsageError, match="images/test' lies in .*, all of whose pictures are taken; put it elsewhere"):
        find(tmp_path / "images", test_images=tmp_path / "images/test")
    more = tmp_path / "more"
    for inner, roots in (
        ("cat' lies in .*more'", {"unlabeled_images": more, "test_images": more / "cat"}),
        ("more' lies in .*more'", {"unlabeled_images": more, "test_images": more}),
        ("images' lies in", {"unlabeled_images": tmp_path}),  # which has a test/
    ):
        with pytest.raises(UsageError, match=inner):
            find(tmp_path / "images", **roots)


def test_pictures_without_labels_are_refused_with_the_ways_to_label_them(tmp_path):
    with pytest.raises(UsageError, match="2 pictures and no labels; expected a sub-folder for each class"):
        find(write(tmp_path, "1.png", "_unlabeled/2.png"))


def test_all_mistakes_are_collected_where_that_is_asked(tmp_path):
    write(tmp_path, "cat/1.png", "Cat/1.png", "unlabeled/1.png", "dog/1.png", "dog /1.png")
    said = []
    found = find(tmp_path, complain=said.append)
    assert len(found.entries) == 5 and len(said) == 2
    assert "'unlabeled' would be a class" in said[0] and "'Cat' and 'cat'; 'dog' and 'dog '" in said[1]


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ([(20, 30)] * 3, (20, 30)),
        ([(64, 64)], (64, 64)),
        ([(65, 64)], (64, 64)),
        ([(15, 15)], (32, 32)),
        ([(100, 60), (70, 50), (90, 50)], (48, 48)),
        ([(500, 400), (40, 30), (400, 300)], (64, 64)),
        ([(1, 5000)], (32, 32)),
    ],
)
def test_a_size_is_chosen_that_suits_the_pictures(sizes, expected, tmp_path):
    for number, (height, width) in enumerate(sizes):
        picture = Image.fromarray(np.zeros((height, width, 3), np.uint8))
        odd_files.write(tmp_path / "cat" / f"{number}.png", odd_files.saved(picture, "PNG"))
    found = find(tmp_path)
    chosen = folder.choose_preparation(found, image_size=None, resize="crop", color="auto")
    assert chosen.image_shape == (*expected, 3) and chosen.resize == "crop"
    given = folder.choose_preparation(found, image_size=(17, 18), resize="pad", color="grey")
    assert given.image_shape == (17, 18, 1)


def test_grey_is_chosen_where_all_pictures_are_grey(tmp_path):
    for name in ("grey.jpg", "grey_16_bits.png", "grey_32_bits.tif", "one_bit.png", "grey_and_alpha_clear.png"):
        odd_files.write(tmp_path / "cat" / name, odd_files.GOOD[name][0]())

    def channels():
        return folder.choose_preparation(find(tmp_path), image_size=None, resize="crop", color="auto").channels

    assert channels() == 1
    write(tmp_path, "cat/color.png")
    assert channels() == 3


def test_a_size_cannot_be_chosen_from_nothing(tmp_path):
    odd_files.write(tmp_path / "cat/a.jpg", b"")
    with pytest.raises(UsageError, match="none of 1 looked at can be opened"):
        folder.choose_preparation(find(tmp_path), image_size=None, resize="crop", color="auto")
