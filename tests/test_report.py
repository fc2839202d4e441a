import os

import matplotlib.image
import numpy as np
import pytest

from ssgan import report
from ssgan.errors import UsageError
from ssgan.report import drawing

STEPS = list(range(100, 1300, 100))
HISTORY = {
    "step": STEPS,
    "d_loss": [2.0 / (1 + index) for index in range(12)],
    "g_loss": [0.05] * 12,
    "real_probability": [0.8] * 12,
    "generated_probability": [0.2] * 12,
    "labeled_accuracy": [0.1 + 0.08 * index for index in range(10)] + [0.99, 1.0],
    "validation_error": [None, 0.5, float("nan"), 0.25] + [None] * 7 + [0.125],
    "learning_rate": [3e-4] * 12,
    "seconds": [1.0] * 12,
}


@pytest.fixture
def drawn(monkeypatch):
    """The figures saved during the test."""
    figures = []
    save = drawing.save

    def recording_save(figure, path):
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(drawing, "save", recording_save)
    return figures


def read_png(path):
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    pixels = matplotlib.image.imread(path)
    assert (pixels[..., 3] == 1).all()
    return np.rint(255 * pixels[..., :3]).astype(np.uint8)


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(match=lambda item: hasattr(item, "get_text"))]


# --- sample_grid ---


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("caption", [None, "seven images"])
def test_sample_grid_holds_every_pixel(tmp_path, channels, caption):
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 24, channels), np.uint8)
    report.sample_grid(images, tmp_path / "grid.png", columns=5, caption=caption)
    pixels = read_png(tmp_path / "grid.png")
    # Twofold enlargement to 64 x 48, a pitch of 66 x 50 and 2 pixels of white around.
    height, width = 2 * 66 + 2, 5 * 50 + 2
    if caption is None:
        assert pixels.shape == (height, width, 3)
    else:
        assert pixels.shape == (height + 26, 320, 3)
    uncovered = np.ones(pixels.shape[:2], bool)
    for index, image in enumerate(images):
        top, left = 2 + 66 * (index // 5), 2 + 50 * (index % 5)
        region = np.s_[top : top + 64, left : left + 48]
        expected = np.broadcast_to(image.repeat(2, axis=0).repeat(2, axis=1), (64, 48, 3))
        assert (pixels[region] == expected).all(), index
        uncovered[region] = False
    assert (pixels[:height][uncovered[:height]] == 255).all()
    assert caption is None or (pixels[height:] < 128).any()


@pytest.mark.parametrize(
    ("size", "count", "columns", "shape"),
    [
        (28, 3, 10, (60, 176)),  # twofold, fewer images than columns
        (96, 4, 2, (198, 198)),  # never reduced
        (8, 1, 1, (68, 68)),  # eightfold
        (1, 29, 29, (68, 1916)),  # a width that decimal inches would round down
    ],
)
def test_sample_grid_size(tmp_path, size, count, columns, shape):
    images = np.zeros((count, size, size, 1), np.uint8)
    report.sample_grid(images, tmp_path / "grid.png", columns=columns)
    assert read_png(tmp_path / "grid.png").shape[:2] == shape


def test_long_captions_wrap_and_dollars_stay(tmp_path, drawn):
    images = np.zeros((1, 8, 8, 3), np.uint8)
    caption = "a synthetic caption at $5_a and $6^b " * 5
    report.sample_grid(images, tmp_path / "grid.png", caption=caption)
    (text,) = [text for text in texts(drawn[0]) if text]
    assert " ".join(text.split()) == " ".join(caption.split())
    assert len(text.splitlines()) >= 4
    pixels = read_png(tmp_path / "grid.png")
    assert (pixels[:, -4:] == 255).all() and (pixels[-2:] == 255).all()


@pytest.mark.parametrize(
    ("images", "columns", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), 2, "dtype float32"),
        (np.zeros((8, 8, 3), np.uint8), 2, r"shape \(8, 8, 3\)"),
        (np.zeros((2, 8, 8, 4), np.uint8), 2, r"shape \(2, 8, 8, 4\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), 2, "at least one image"),
        (np.zeros((2, 8, 8, 3), np.uint8), 0, "0 columns"),
    ],
)
def test_sample_grid_explains_mistakes(tmp_path, images, columns, message):
    with pytest.raises(UsageError, match=message):
        report.sample_grid(images, tmp_path / "grid.png", columns=columns)
    assert list(tmp_path.iterdir()) == []


# --- learning_curves ---


def test_learning_curves_draws_three_panels(tmp_path, drawn):
    report.learning_curves(HISTORY, tmp_path / "curves.png", title="a synthetic run")
    assert read_png(tmp_path / "curves.png").shape == (787, 832, 3)
    losses, probabilities, errors = drawn[0].axes
    assert [len(axes.lines) for axes in drawn[0].axes] == [2, 2, 2]
    assert losses.get_yscale() == "log"
    assert probabilities.get_ylim() == (-0.02, 1.02)
    labelled, validation = errors.lines
    assert labelled.get_ydata() == pytest.approx([1 - a for a in HISTORY["labeled_accuracy"]])
    assert validation.get_xdata().tolist() == [200, 400, 1200]
    assert validation.get_ydata().tolist() == [0.5, 0.25, 0.125]
    found = texts(drawn[0])
    assert {"a synthetic run", "12.50 %", "error (%)", "training step"} <= set(found)


def test_error_axis_is_logarithmic_in_per_cent(tmp_path, drawn):
    history = {"step": [1, 2, 3], "validation_error": [0.9, 0.3, 0.03]}
    report.learning_curves(history, tmp_path / "curves.png", title="")
    (axes,) = drawn[0].axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "2",
        "5",
        "10",
        "20",
        "50",
        "100",
    ]
    heights = axes.transData.transform([(0, 0.02), (0, 0.2), (0, 0.05), (0, 0.5)])[:, 1]
    assert heights[1] - heights[0] == pytest.approx(heights[3] - heights[2], rel=1e-9)


def test_error_axis_reaches_zero_where_an_error_does(tmp_path, drawn):
    report.learning_curves(HISTORY, tmp_path / "curves.png", title="")
    axes = drawn[0].axes[2]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["0", "1", "2", "5", "10", "20", "50", "100"]
    assert axes.get_ylim()[0] < 0


def test_learning_curves_skips_missing_columns(tmp_path, drawn):
    history = {"step": [1, 2], "d_loss": [1.0, -1.0], "validation_error": [None, None]}
    report.learning_curves(history, tmp_path / "curves.png", title="losses only")
    (axes,) = drawn[0].axes
    assert [line.get_label() for line in axes.lines] == ["discriminator"]
    assert axes.get_yscale() == "linear"


def test_long_training_curves_are_smoothed_and_say_so(tmp_path, drawn):
    values = np.arange(400) % 2
    history = {"step": range(400), "real_probability": values, "validation_error": values}
    report.learning_curves(history, tmp_path / "curves.png", title="")
    probabilities, errors = drawn[0].axes
    raw, mean = probabilities.lines
    assert (raw.get_ydata() == values).all()
    # A window of 9 points holds 4 or 5 ones; 5 points at the start hold 2, 6 hold 3.
    assert mean.get_ydata()[:2] == pytest.approx([2 / 5, 3 / 6])
    assert mean.get_ydata()[200:202] == pytest.approx([4 / 9, 5 / 9])
    assert (errors.lines[0].get_ydata() == values).all() and len(errors.lines) == 1
    assert any("running mean over 2 %" in text for text in texts(drawn[0]))


@pytest.mark.parametrize("accuracy", [[1.0], [0.0]])
def test_learning_curves_draws_a_single_point(tmp_path, accuracy):
    history = {"step": [0], "labeled_accuracy": accuracy, "validation_error": [0.0]}
    report.learning_curves(history, tmp_path / "curves.png", title="")
    assert read_png(tmp_path / "curves.png").shape == (339, 832, 3)


def test_long_titles_wrap_within_the_figure(tmp_path, drawn):
    title = "svhn_cropped (synthetic), 1,000 labels, " * 6
    report.learning_curves(HISTORY, tmp_path / "curves.png", title=title)
    figure = drawn[0]
    assert len(figure.get_suptitle().splitlines()) >= 3
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= 832 and box.y1 <= 787
    assert box.y0 > figure.axes[0].get_window_extent().y1


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({"d_loss": [1.0]}, "Expected a column 'step'"),
        ({"step": [1, 2], "d_loss": [1.0]}, "'step': 2, 'd_loss': 1"),
        ({"step": [1], "d_loss": [None], "seconds": [1.0]}, "nothing to draw"),
        ({"step": [], "d_loss": []}, "nothing to draw"),
    ],
)
def test_learning_curves_explains_mistakes(tmp_path, history, message):
    with pytest.raises(UsageError, match=message):
        report.learning_curves(history, tmp_path / "curves.png", title="")
    assert list(tmp_path.iterdir()) == []


# --- confusion_matrix ---


def test_confusion_matrix_writes_counts_on_row_shares(tmp_path, drawn):
    matrix, names = np.array([[90, 10, 0], [0, 7, 0], [0, 0, 0]]), ("a$b", "c$d", "e")
    report.confusion_matrix(matrix, names, tmp_path / "m.png", title="test error 9.35 %")
    assert read_png(tmp_path / "m.png").shape == (558, 634, 3)
    axes = drawn[0].axes[0]
    assert np.asarray(axes.images[0].get_array()) == pytest.approx(np.array([[0.9, 0.1, 0], [0, 1, 0], [0, 0, 0]]))
    cells = {text.get_position(): (text.get_text(), text.get_color()) for text in axes.texts}
    assert cells == {(0, 0): ("90", "white"), (1, 0): ("10", drawing.INK), (1, 1): ("7", "white")}
    assert [label.get_text() for label in axes.get_yticklabels()] == list(names)
    assert not any(label.get_parse_math() for label in axes.get_yticklabels())
    assert "test error 9.35 %" in texts(drawn[0])


@pytest.mark.parametrize(("classes", "counts", "names"), [(20, 20, True), (50, 0, True), (51, 0, False)])
def test_large_confusion_matrices_lose_counts_then_names(tmp_path, drawn, classes, counts, names):
    class_names = [f"class {index}" for index in range(classes)]
    report.confusion_matrix(np.eye(classes, dtype=int), class_names, tmp_path / "m.png", title="")
    read_png(tmp_path / "m.png")
    axes = drawn[0].axes[0]
    assert len(axes.texts) == counts
    assert ("class 1" in [label.get_text() for label in axes.get_xticklabels()]) == names


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((2, 3), int), r"shape \(2, 3\) and 2 class names"),
        (np.zeros((3, 3), int), r"shape \(3, 3\) and 2 class names"),
        (np.array([[1, -1], [0, 1]]), "at least 0"),
    ],
)
def test_confusion_matrix_explains_mistakes(tmp_path, matrix, message):
    with pytest.raises(UsageError, match=message):
        report.confusion_matrix(matrix, ("a", "b"), tmp_path / "m.png", title="")


def test_names_that_the_font_cannot_draw_are_shown_by_their_number(tmp_path, drawn):
    report.confusion_matrix(np.eye(3, dtype=int), ("cat", "猫 2", "größe"), tmp_path / "m.png", title="数字: error")
    axes = drawn[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "1", "größe"]
    assert "\N{REPLACEMENT CHARACTER}" * 2 + ": error" in texts(drawn[0])


# --- files ---


def test_equal_figures_give_equal_files_in_new_folders(tmp_path):
    images = np.full((2, 8, 8, 3), 100, np.uint8)
    first, second = tmp_path / "new" / "folder" / "a.png", tmp_path / "b.png"
    report.sample_grid(images, first, caption="synthetic")
    report.sample_grid(images, str(second), caption="synthetic")
    assert first.read_bytes() == second.read_bytes()
    assert b"matplotlib" not in first.read_bytes().lower()  # no version inside


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch):
    images, path = np.zeros((1, 8, 8, 3), np.uint8), tmp_path / "grid.png"
    path.write_bytes(b"old")

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.sample_grid(images, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
