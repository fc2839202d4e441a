"""What a run writes while it trains."""

import csv

import numpy as np
import pytest
import tensorflow as tf

from ssgan.callbacks import Monitor, NonFiniteGuard, NonFiniteLossError, Samples
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
    assert set(rows[0]) == {"step", "seconds", "learning_rate", "validation_error", *gan.train_metrics}
    predicted = gan.predict(validation[0], verbose=0).argmax(axis=1)
    assert float(rows[-1]["validation_error"]) == pytest.approx(np.mean(predicted != 0))
    assert (tmp_path / "curves.png").stat().st_size > 1000
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[1].startswith("step 4/5  0:00:0") and " left  " in lines[1]


def test_the_means_of_an_interval_begin_anew(tmp_path):
    gan = make_gan(d_rate=0.0, g_rate=0.0, unsupervised_weight=0.0)
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
    single = make_gan(d_rate=0.0, unsupervised_weight=0.0)
    single.discriminator.set_weights(gan.discriminator.get_weights())
    for layer in single.discriminator.trunk:
        if hasattr(layer, "rate"):
            layer.rate = 0.0
    logs = single.train_step((tf.constant(images), tf.constant(wrong), tf.constant(mask)))
    assert monitor.records[1]["d_loss"] == pytest.approx(float(logs["d_loss"]), rel=1e-5)
    assert monitor.records[0]["d_loss"] != pytest.approx(monitor.records[1]["d_loss"], rel=1e-3)


def test_tensorboard_scalars_can_be_read_back(tmp_path):
    monitor = Monitor(tmp_path, total_steps=2, log_every=1, validation=None, title="")
    make_gan().fit(batches(2), verbose=0, shuffle=False, callbacks=[monitor])
    (file,) = (tmp_path / "tensorboard").iterdir()
    events = [event for event in tf.compat.v1.train.summary_iterator(str(file)) if event.summary.value]
    read = {(e.step, v.tag): float(tf.make_ndarray(v.tensor)) for e in events for v in e.summary.value}
    assert read[2, "d_loss"] == pytest.approx(monitor.records[1]["d_loss"], rel=1e-6)
    assert {v.metadata.plugin_data.plugin_name for e in events for v in e.summary.value} <= {"scalars", ""}


def test_samples_come_from_the_same_noise(tmp_path):
    gan = make_gan(g_rate=0.0, d_rate=0.0, unsupervised_weight=0.0)
    samples = Samples(tmp_path, total_steps=4, log_every=2, seed=0, caption="")
    gan.fit(batches(4), verbose=0, shuffle=False, callbacks=[samples])
    first, second = ((tmp_path / "samples" / f"step_00000{n}.png").read_bytes() for n in (2, 4))
    assert first != b"" and len(first) == pytest.approx(len(second), rel=0.05)


@pytest.mark.parametrize("metric", ["d_loss", "g_loss"])
def test_a_loss_that_is_not_finite_stops_at_its_step(metric):
    gan = make_gan()
    network = gan.discriminator if metric == "d_loss" else gan.generator

    class Break(NonFiniteGuard):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                weight = network.trainable_variables[0]
                weight.assign(weight * np.nan)

    with pytest.raises(NonFiniteLossError, match=r"(d_loss|g_loss) is nan at step 3"):
        gan.fit(batches(5), verbose=0, shuffle=False, callbacks=[Break()])
