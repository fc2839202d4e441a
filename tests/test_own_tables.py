"""Labels that lie in a file: CSV of every dialect, and what Label Studio exports."""

import json
import unicodedata

import pytest

from ssgan.data import own
from ssgan.data.own.tables import read_labels_file
from ssgan.errors import UsageError

KEYS = ("a.jpg", "sub/b.jpg", "sub/größe.jpg", "left/same.jpg", "right/same.jpg", "one cat.jpg")


def read(tmp_path, text, *, name="labels.csv", keys=KEYS, **options):
    """Returns the labels in a file, by key; those that have none are left out."""
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    found = read_labels_file(tmp_path / name, keys, folder=tmp_path / "images", **options)
    assert list(found) == list(keys)
    return {
        key: one.label if one.split == "train" else (one.label, one.split) for key, one in found.items() if one.label
    }


@pytest.mark.parametrize(
    "text",
    [
        "filename,label\na.jpg,cat\nsub/b.jpg,dog\n",
        "\ufefffilename,label\r\na.jpg,cat\r\nsub/b.jpg,dog\r\n",
        "file_name;label\na.jpg;cat\nsub/b.jpg;dog",
        "Label\tImage\ncat\ta.jpg\ndog\tsub/b.jpg\n",
        "path|label|other\na.jpg|cat|,\nsub/b.jpg|dog|;\n",
        ' "filename" , "label" \n a.jpg , cat \n\n sub\\b.jpg , dog \n,\n'.replace(' "', '"').replace('" ', '"'),
        'filename,label\n"a.jpg","cat"\nb.jpg,dog\n',
        "filename,label\n./a.jpg,cat\nsub//b.jpg,dog\nb.jpg,dog\n",
        "filename,label,split\na.jpg,cat,Train\nsub/b.jpg,dog,\n",
    ],
)
def test_every_dialect_of_csv_is_read(text, tmp_path):
    assert read(tmp_path, text) == {"a.jpg": "cat", "sub/b.jpg": "dog"}


def test_labels_are_text_as_it_stands(tmp_path):
    for label in ("007", "1.0", "NA", "None", "nan", "true", "=1+1", "<b>", "größe", "a,b"):
        assert read(tmp_path, f'filename,label\na.jpg,"{label}"\n') == {"a.jpg": label}


def test_a_split_is_read(tmp_path):
    text = "filename,label,split\na.jpg,cat,test\nsub/b.jpg,dog,training\n"
    assert read(tmp_path, text) == {"a.jpg": ("cat", "test"), "sub/b.jpg": "dog"}
    with pytest.raises(UsageError, match="line 2: the split 'val'; expected train, test, broken or nothing"):
        read(tmp_path, "filename,label,split\na.jpg,cat,val\n")


def test_an_empty_label_takes_back_what_was_said_of_a_picture_above_it(tmp_path):
    start = "filename,label\na.jpg,cat\nsub/b.jpg,dog\n"
    assert read(tmp_path, f"{start}a.jpg,\n") == {"sub/b.jpg": "dog"}
    assert read(tmp_path, f"{start}a.jpg,\na.jpg,dog\n") == {"a.jpg": "dog", "sub/b.jpg": "dog"}
    with pytest.raises(UsageError, match="line 2 and 'dog' .* in .*line 5; .* a row with an empty label between"):
        read(tmp_path, f"{start}b.jpg,\na.jpg,dog\n")


def test_in_an_export_of_label_studio_an_empty_label_is_that_of_another_annotator(tmp_path):
    text = "annotation_id,annotator,choice,image\n1,1,cat,a.jpg\n2,2,,a.jpg\n"
    assert read(tmp_path, text) == {"a.jpg": "cat"}


def test_a_broken_picture_has_no_label_and_takes_no_part(tmp_path):
    text = "filename,label,split\na.jpg,cat,\nsub/b.jpg,dog,\na.jpg,cat,broken\n"
    assert read(tmp_path, text) == {"sub/b.jpg": "dog"}
    assert read(tmp_path, f"{text}a.jpg,cat,\n") == {"a.jpg": "cat", "sub/b.jpg": "dog"}
    (tmp_path / "images" / "sub").mkdir(parents=True)
    for name in ("a.jpg", "sub/b.jpg"):
        (tmp_path / "images" / name).touch()
    (tmp_path / "labels.csv").write_text(text)
    folder = own.find(tmp_path / "images", labels_file=tmp_path / "labels.csv")
    assert folder.left_out == ("a.jpg",) and list(folder.paths) == ["sub/b.jpg"]


def test_names_are_compared_composed(tmp_path):
    decomposed = unicodedata.normalize("NFD", "sub/größe.jpg")
    assert read(tmp_path, f"filename,label\n{decomposed},cat\n") == {"sub/größe.jpg": "cat"}


def test_a_bare_name_or_the_end_of_a_path_will_do_where_one_picture_has_it(tmp_path):
    for name in ("b.jpg", "/home/me/pictures/sub/b.jpg", "C:\\pictures\\sub\\b.jpg", f"{tmp_path}/images/sub/b.jpg"):
        assert read(tmp_path, f"filename,label\n{name},cat\n") == {"sub/b.jpg": "cat"}
    assert read(tmp_path, "filename,label\npictures/left/same.jpg,cat\n") == {"left/same.jpg": "cat"}
    with pytest.raises(UsageError, match="'same.jpg' may be 'left/same.jpg' or 'right/same.jpg'; expected the path"):
        read(tmp_path, "filename,label\nsame.jpg,cat\n")


def test_a_picture_of_the_same_name_in_another_folder_is_not_taken_for_it(tmp_path):
    for name in ("other/b.jpg", "/sub2/b.jpg", f"{tmp_path}/images2/sub2/b.jpg", "xb.jpg"):
        with pytest.raises(UsageError, match="names pictures that are not in"):
            read(tmp_path, f"filename,label\n{name},cat\n", keys=("sub/b.jpg",))
    missing = []
    assert read(tmp_path, "filename,label\nother/b.jpg,cat\n", missing=missing) == {}
    assert len(missing) == 1 and "line 2: 'other/b.jpg'" in missing[0]


@pytest.mark.parametrize("name", ["../a.jpg", "sub/../a.jpg", "/../a.jpg", "..\\a.jpg", "/etc/passwd", "", ".", "/"])
def test_names_that_lead_elsewhere_are_of_no_picture(name, tmp_path):
    with pytest.raises(UsageError, match="names pictures that are not in"):
        read(tmp_path, f"filename,label\n{name},cat\n")


def test_missing_pictures_are_counted(tmp_path):
    text = "filename,label\n" + "".join(f"missing{number}.jpg,cat\n" for number in range(2000))
    with pytest.raises(UsageError, match="line 2: 'missing0.jpg', .* and 1,995 more; .*--skip_unreadable") as caught:
        read(tmp_path, text)
    assert len(str(caught.value)) < 1500


def test_two_labels_for_a_picture_are_refused_and_two_equal_ones_are_one(tmp_path):
    assert read(tmp_path, "image,choice\na.jpg,\na.jpg,cat\na.jpg,cat\n") == {"a.jpg": "cat"}
    with pytest.raises(UsageError, match="'a.jpg' is 'cat' .train. in .* line 2 and 'dog' .train. in .* line 3"):
        read(tmp_path, "image,choice\na.jpg,cat\na.jpg,dog\n")
    with pytest.raises(UsageError, match="'cat' .train. .* 'cat' .test."):
        read(tmp_path, "image,label,split\na.jpg,cat,train\na.jpg,cat,test\n")


REFUSED_CSV = {
    "empty": (b"", "has the columns ''; expected one column of image, filename, file_name, path"),
    "no columns": (b"a.jpg,cat\n", "has the columns 'a.jpg, cat'; expected one column"),
    "no label": (b"filename,class\na.jpg,cat\n", "expected one column of label, choice"),
    "two columns": (b"filename,path,label\na.jpg,b,cat\n", "several columns filename, path; expected one"),
    "twice": (b"filename,label,label\na.jpg,cat,dog\n", "several columns label, label; expected one"),
    "ragged": (b"filename,label\na.jpg,cat,dog\n", "line 2: 3 cells; expected 2, as in its first line"),
    "short": (b"filename,label\na.jpg\n", "line 2: 1 cells; expected 2"),
    "huge cell": (b"filename,label\na.jpg," + b"x" * 200_000 + b"\n", "no readable CSV .field larger than"),
    "open quote": (b'filename,label\n"a.jpg,cat\n', "no readable CSV .unexpected end of data"),
    "zeros": (b"filename,label\na.jpg\0,cat\n", "line 2: 'a.jpg.x00'"),
    "UTF-16": ("filename,label\na.jpg,cat\n".encode("utf-16"), "no text in UTF-8 .*; save it as UTF-8"),
    "Latin 1": ("filename,label\na.jpg,größe\n".encode("latin-1"), "no text in UTF-8 .invalid start byte at byte 23"),
    "picture": (b"\x89PNG\r\n\x1a\n", "no text in UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED_CSV)
def test_a_file_of_another_form_is_refused_with_the_place_or_told_and_without_labels(name, tmp_path):
    content, words = REFUSED_CSV[name]
    with pytest.raises(UsageError, match=words) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
    said = []
    assert read(tmp_path, content, complain=said.append) == {} and len(said) == 1


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_labels_file(path, KEYS, folder=tmp_path)


def test_all_mistakes_are_told_where_that_is_asked(tmp_path):
    said = []
    text = (
        "image,label,split\na.jpg,cat,\na.jpg,dog,\nsame.jpg,cat,\nno.jpg,cat,\nb.jpg,dog\nb.jpg,dog,val\nb.jpg,dog,\n"
    )
    assert read(tmp_path, text, complain=said.append) == {"a.jpg": "cat", "sub/b.jpg": "dog"}
    assert len(said) == 5


def test_many_rows_are_read_in_a_second(tmp_path):
    keys = tuple(sorted(f"{number % 1000}/{number}.jpg" for number in range(20_000)))
    text = "filename,label\n" + "".join(f"{key.split('/')[1]},{number}\n" for number, key in enumerate(keys))
    assert read(tmp_path, text, keys=keys) == {key: str(number) for number, key in enumerate(keys)}


def studio(image, *choices, **more):
    results = [{"type": "choices", "value": {"choices": [choice]}} for choice in choices]
    return {"id": 1, "data": {"image": image}, "annotations": [{"was_cancelled": False, "result": results, **more}]}


IMAGES = {
    "a.jpg": "a.jpg",
    "/data/upload/3/0a1b2c3d-a.jpg": "a.jpg",
    "/data/upload/a.jpg": "a.jpg",
    "http://localhost:8080/data/upload/3/0a1b2c3d-one_cat.jpg": "one cat.jpg",
    "/data/local-files/?d=sub/b.jpg": "sub/b.jpg",
    "/data/local-files/?d=pictures%2Fsub%2Fgr%C3%B6%C3%9Fe.jpg": "sub/größe.jpg",
    "/data/upload/1/0a1b2c3d-one%20cat.jpg": "one cat.jpg",
    "https://host/left/same.jpg?sig=1": "left/same.jpg",
    "s3://bucket/sub/b.jpg": "sub/b.jpg",
}


@pytest.mark.parametrize("address, key", IMAGES.items())
def test_label_studios_addresses_are_read_in_every_export(address, key, tmp_path):
    exports = {
        "export.json": json.dumps([studio(address, "cat")]),
        "min.json": json.dumps([{"id": 1, "image": address, "choice": "cat", "annotator": 1}]),
        "export.csv": f'annotation_id,annotator,choice,created_at,id,image\n1,1,cat,2024-01-01T00:00,1,"{address}"\n',
    }
    for name, text in exports.items():
        assert read(tmp_path, text, name=name) == {key: "cat"}


def test_what_label_studio_did_not_get_a_label_for_has_none(tmp_path):
    tasks = [
        studio("a.jpg"),
        studio("b.jpg", "dog", was_cancelled=True),
        {"data": {"image": "one cat.jpg"}, "annotations": []},
        {"image": "right/same.jpg"},
        {"image": "left/same.jpg", "label": " cat "},
    ]
    assert read(tmp_path, json.dumps(tasks), name="l.json") == {"left/same.jpg": "cat"}
    text = "annotation_id,annotator,choice,id,image\n1,1,cat,1,a.jpg\n,,,2,sub/b.jpg\n"
    assert read(tmp_path, text) == {"a.jpg": "cat"}


def test_two_annotators_must_agree(tmp_path):
    for tasks in ([studio("a.jpg", "cat", "cat")], [studio("a.jpg", "cat"), studio("a.jpg", "cat"), studio("a.jpg")]):
        assert read(tmp_path, json.dumps(tasks), name="l.json") == {"a.jpg": "cat"}
    with pytest.raises(UsageError, match="task 1: 'cat', 'dog'; expected one label"):
        read(tmp_path, json.dumps([studio("a.jpg", "cat", "dog")]), name="l.json")
    with pytest.raises(UsageError, match="'cat' .train. in .* task 1 and 'dog' .train. in .* task 2"):
        read(tmp_path, json.dumps([studio("a.jpg", "cat"), studio("a.jpg", "dog")]), name="l.json")
    with pytest.raises(UsageError, match="task 1: 'cat', 'dog'"):
        read(tmp_path, json.dumps([{"image": "a.jpg", "choice": {"choices": ["cat", "dog"]}}]), name="l.json")
    with pytest.raises(UsageError, match="expected one label"):
        text = """choice,image\n"{""choices"": [""cat"", ""dog""]}",a.jpg\n"""
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", "[" * 100_000, '[{"data": "image"}]', '[{"data": {"image": 1}}]', '[{"data": null}]', "[{}]",
     "\0", '[{"data": [1]}]', '[{"image": {"a": 1}}]'],
)  # fmt: skip
def test_other_json_is_refused(text, tmp_path):
    with pytest.raises(UsageError, match="no readable JSON|no list of tasks|no image"):
        read(tmp_path, text, name="l.json")


def test_numbers_are_labels_and_json_without_any_is_a_mistake(tmp_path):
    tasks = [{"image": "a.jpg", "label": 1}, {"image": "sub/b.jpg", "label": "0"}]
    assert read(tmp_path, json.dumps(tasks), name="l.json") == {"a.jpg": "1", "sub/b.jpg": "0"}
    with pytest.raises(
        UsageError, match="has tasks of 'id, image, animal'; expected annotations, or labels as label or c"
    ):
        read(tmp_path, json.dumps([{"id": 1, "image": "a.jpg", "animal": "cat"}]), name="l.json")


def test_odd_annotations_are_no_labels(tmp_path):
    for odd in (None, 1, "cat", [1], [{"result": "cat"}], [{"result": [{"type": "choices", "value": ["cat"]}]}]):
        assert read(tmp_path, json.dumps([{"data": {"image": "a.jpg"}, "annotations": odd}]), name="l.json") == {}
