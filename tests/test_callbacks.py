"""What a run writes while it trains."""

import csv
import os
import re
import shutil
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.image import imread

from ssgan.errors import NonFiniteError
from ssgan.training.callbacks import Monitor, NonFiniteGuard, Progress, Samples, Watch
from tests.test_gan import SIZE, make_batch, make_gan


def batches(steps: int) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors(make_batch()).repeat(steps)


def test_monitor_writes_a_record_per_interval_and_one_at_the_end(tmp_path, capsys):
    gan = make_gan()
    validation = (np.zeros((6, SIZE, SIZE, 1), np.uint8), np.zeros(6, np.int32))
    monitor = Monitor(tmp_path, total_steps=5, log_every=2, validation=validation, title="synthetic noise")
    gan.fit(batches(5), verbose=0, shuffle=False, callbacks=[monitor])
    with open(tmp_path / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4", "5"]
    assert set(rows[0]) == {
        "step",
        "seconds",
        "learning_rate",
        "g_learning_rate",
        "validation_error",
        *gan.train_metrics,
    }
    predicted = gan.predict(validation[0], verbose=0).argmax(axis=1)
    assert float(rows[-1]["validation_error"]) == pytest.approx(np.mean(predicted != 0))
    assert (tmp_path / "curves.png").stat().st_size > 1000
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[1].startswith("step 4/5  0:00:0") and " left  " in lines[1]


def test_the_means_of_an_interval_begin_anew(tmp_path):
    gan = make_gan(d_rate=0.0, g_rate=0.0, gan_weight=0.0)
    for layer in gan.discriminator.trunk:
        if hasattr(layer, "rate"):
            layer.rate = 0.0
    images, labels, mask = make_batch()
    wrong = np.where(mask, (labels + 1) % 3, labels)
    pair = tf.data.Dataset.from_tensor_slices(
        tuple(map(np.stack, zip((images, labels, mask), (images, wrong, mask), strict=True)))
    )
    monitor = Monitor(tmp_path, total_steps=2, log_every=1, validation=None, title="")
    gan.fit(pair, verbose=0, shuffle=False, callbacks=[monitor])
    single = make_gan(d_rate=0.0, gan_weight=0.0)
    single.discriminator.set_weights(gan.discriminator.get_weights())
    for layer in single.discriminator.trunk:
        if hasattr(layer, "rate"):
            layer.rate = 0.0
    logs = single.train_step((tf.constant(images), tf.constant(wrong), tf.constant(mask)))
    assert monitor.records[1]["d_loss"] == pytest.approx(float(logs["d_loss"]), rel=1e-5)
    assert monitor.records[0]["d_loss"] != pytest.approx(monitor.records[1]["d_loss"], rel=1e-4)


def test_tensorboard_scalars_can_be_read_back(tmp_path):
    monitor = Monitor(tmp_path, total_steps=2, log_every=1, validation=None, title="")
    make_gan().fit(batches(2), verbose=0, shuffle=False, callbacks=[monitor])
    (file,) = (tmp_path / "tensorboard").iterdir()
    events = [event for event in tf.compat.v1.train.summary_iterator(str(file)) if event.summary.value]
    read = {(e.step, v.tag): float(tf.make_ndarray(v.tensor)) for e in events for v in e.summary.value}
    assert read[2, "d_loss"] == pytest.approx(monitor.records[1]["d_loss"], rel=1e-6)
    assert {v.metadata.plugin_data.plugin_name for e in events for v in e.summary.value} <= {"scalars", ""}


def test_what_was_not_measured_is_not_recorded_as_zero(tmp_path):
    monitor = Monitor(tmp_path, total_steps=1, log_every=1, validation=None, title="")
    make_gan(gan_weight=0.0).fit(batches(1), verbose=0, shuffle=False, callbacks=[monitor])
    missing = {name for name, value in monitor.records[0].items() if np.isnan(value)}
    assert missing == {"g_learning_rate", "g_loss"}


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_progress_bar_fits_a_terminal(columns, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))
    progress = Progress(100_000)
    logs = dict.fromkeys(("d_loss", "g_loss", "real_probability", "generated_probability", "labeled_accuracy"), 1e-7)
    for step in (1, 99_000):
        progress.show(step, logs, record={"validation_error": 0.0625})
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).replace("\x08", "").split("\r")
    assert max(map(len, lines)) < columns
    assert "val_error: 0.0625" in lines[-1] or columns == 60
    assert ("D(G(z))" in lines[-1]) == (columns == 200)


@pytest.mark.parametrize("stdout", [None, object()])
def test_progress_needs_no_terminal(monkeypatch, stdout):
    monkeypatch.setattr(sys, "stdout", stdout)
    assert Progress(10).bar is None


def test_the_time_left_follows_the_pace_of_the_last_steps(monkeypatch, capsys):
    clock = iter([100.0, 110.0, 150.0])
    monkeypatch.setattr("ssgan.training.callbacks.progress.time.monotonic", lambda: next(clock))
    progress = Progress(100, start=20)
    for step in (40, 60):
        progress.show(step, {}, record={})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["step", "40/100", "0:00:30", "left"],
        ["step", "60/100", "0:01:20", "left"],
    ]


def test_samples_come_from_the_same_noise(tmp_path):
    gan = make_gan(g_rate=0.0, d_rate=0.0, gan_weight=0.0)
    samples = Samples(tmp_path, total_steps=4, log_every=2, seed=0, caption="")
    gan.fit(batches(4), verbose=0, shuffle=False, callbacks=[samples])
    first, second = (imread(tmp_path / "samples" / f"step_00000{n}.png") for n in (2, 4))
    grid = slice(0, 10 * (64 + 2))  # above the caption, which names the step
    np.testing.assert_array_equal(first[grid], second[grid])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("metric", ["d_loss", "g_loss"])
def test_a_loss_that_is_not_finite_stops_at_its_step(metric):
    gan = make_gan()
    network = gan.discriminator if metric == "d_loss" else gan.generator

    class Break(NonFiniteGuard):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                weight = network.trainable_variables[0]
                weight.assign(weight * np.nan)

    with pytest.raises(NonFiniteError, match=r"(d_loss|g_loss|supervised) is nan at step 3"):
        gan.fit(batches(5), verbose=0, shuffle=False, callbacks=[Break()])


def test_a_step_that_is_stuck_ends_the_process_and_the_first_of_a_kind_may_take_longer(capsys):
    ended: list[int] = []
    with Watch("go on with: this", limit=0.2, first_limit=60.0, end=ended.append) as watch:
        watch.set_model(SimpleNamespace(step=4, step_kind=lambda: "both"))
        watch.on_train_batch_begin(0)
        time.sleep(0.5)  # it is traced
        watch.on_train_batch_end(0)
        time.sleep(0.5)  # there is no step to wait for
        watch.on_train_batch_begin(1)  # which a number that is not finite breaks off
        watch.on_train_begin()
        time.sleep(0.5)  # the run goes back to a checkpoint
        watch.on_train_batch_begin(0)
        time.sleep(0.5)  # it is traced once more
        watch.on_train_batch_end(0)
        watch.on_train_batch_begin(1)
        assert not ended
        begin = time.monotonic()
        while not ended and time.monotonic() < begin + 20:
            time.sleep(0.01)
    assert ended == [1]
    assert capsys.readouterr().err == "stopped: a worker is stuck in step 5; go on with: this\n"
