"""The train step: who is updated by what, what is read, and what survives saving."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan import passes
from ssgan import terms as losses
from ssgan.errors import UsageError
from ssgan.gan import SSGAN, to_unit_range
from ssgan.inputs import Batch
from ssgan.models import Discriminator, Generator
from ssgan.passes import Drawn
from ssgan.schedules import ConstantThenLinear
from tests.terms_of import split

LABELED, UNLABELED, GENERATED = 4, 6, 5
SIZE = 16


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(7)


def make_gan(*, arch="small", dtype="float32", d_rate=0.1, g_rate=0.1, ema_decay=0.9, **options) -> SSGAN:
    gan = SSGAN(
        Discriminator(3, arch=arch, dtype=dtype),
        Generator((SIZE, SIZE, 1), width=2, latent_dim=4, dtype=dtype),
        ema_decay=ema_decay,
    )
    gan.compile(keras.optimizers.SGD(d_rate), keras.optimizers.SGD(g_rate), generated_batch=GENERATED, **split(options))
    return gan


def make_batch(*, rows=LABELED + UNLABELED, labeled=LABELED, seed=0):
    random = np.random.RandomState(seed)
    images = random.randint(0, 256, (rows, SIZE, SIZE, 1)).astype(np.uint8)
    mask = np.arange(rows) < labeled
    labels = np.where(mask, random.randint(0, 3, rows), -1).astype(np.int32)
    return images, labels, mask


def step(gan, batch):
    return gan.train_step(tuple(map(tf.constant, batch)))


def largest_difference(network, other):
    return max(np.abs(a - b).max() for a, b in zip(trainable(network), trainable(other), strict=True))


def values(network):
    return [variable.numpy() for variable in network.variables if "seed" not in variable.path]


def trainable(network):
    return [variable.numpy() for variable in network.trainable_variables]


def same(before, after):
    return all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))


def without_dropout(gan):
    for network in (gan.discriminator, gan.ema_discriminator):
        for layer in network.trunk:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
    return gan


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
@pytest.mark.parametrize("arch", ["small", "article"])
def test_each_optimizer_changes_its_own_network_only(updates, arch):
    batch = make_batch(rows=LABELED + UNLABELED + GENERATED)
    for rates, changed, fixed in (
        ((0.1, 0.0), "discriminator", "generator"),
        ((0.0, 0.1), "generator", "discriminator"),
    ):
        gan = make_gan(arch=arch, updates=updates, d_rate=rates[0], g_rate=rates[1])
        before = {name: trainable(getattr(gan, name)) for name in (changed, fixed)}
        step(gan, batch)
        assert not same(before[changed], trainable(getattr(gan, changed)))
        assert same(before[fixed], trainable(getattr(gan, fixed)))


def expected_losses(gan, images, labels, mask, noise):
    """Section 5 and 3.1 of arXiv:1606.03498 with an explicit softmax over K + 1 classes, class K being "generated"."""
    generated = gan.generator(noise, training=True)
    logits, features = gan.discriminator(to_unit_range(images), training=True)
    generated_logits, generated_features = gan.discriminator(generated, training=True)

    def log_p(class_logits):
        return tf.nn.log_softmax(tf.concat([class_logits, tf.zeros_like(class_logits[:, :1])], axis=1))

    labeled, unlabeled = np.flatnonzero(mask), np.flatnonzero(~mask)
    known = tf.gather(tf.nn.log_softmax(logits), labeled)
    supervised = -tf.reduce_mean(tf.gather(known, labels[labeled], batch_dims=1))
    log_real = tf.reduce_logsumexp(log_p(tf.gather(logits, unlabeled))[:, :3], axis=1)
    unsupervised = -tf.reduce_mean(log_real) - tf.reduce_mean(log_p(generated_logits)[:, 3])
    real_mean = tf.reduce_mean(tf.gather(features, unlabeled), axis=0)
    matching = tf.reduce_mean(tf.abs(real_mean - tf.reduce_mean(generated_features, axis=0)))
    return supervised + 0.5 * unsupervised, matching


def test_a_simultaneous_step_is_gradient_descent_on_the_papers_losses():
    gan = without_dropout(make_gan(updates="simultaneous"))
    noise = tf.random.stateless_uniform([GENERATED, 4], [1, 2])
    gan.noise = lambda: noise
    images, labels, mask = make_batch()
    with tf.GradientTape(persistent=True) as tape:
        d_loss, g_loss = expected_losses(gan, images, labels, mask, noise)
    expected = {}
    for network, loss in ((gan.discriminator, d_loss), (gan.generator, g_loss)):
        gradients = tape.gradient(loss, network.trainable_variables)
        expected[network] = [(v - 0.1 * g).numpy() for v, g in zip(network.trainable_variables, gradients, strict=True)]
    logs = step(gan, (images, labels, mask))
    assert float(logs["d_loss"]) == pytest.approx(float(d_loss), rel=1e-5)
    assert float(logs["g_loss"]) == pytest.approx(float(g_loss), rel=1e-5)
    for network, arrays in expected.items():
        for actual, array in zip(trainable(network), arrays, strict=True):
            np.testing.assert_allclose(actual, array, atol=2e-6)


def test_alternating_gives_the_last_rows_to_the_generator_alone():
    images, labels, mask = make_batch(rows=LABELED + UNLABELED + GENERATED)
    other = images.copy()
    other[-GENERATED:] = 255 - other[-GENERATED:]
    results = []
    for shown in (images, other):
        keras.utils.set_random_seed(3)
        gan = make_gan(updates="alternating")
        step(gan, (shown, labels, mask))
        results.append((values(gan.discriminator), values(gan.generator)))
    assert same(results[0][0], results[1][0])
    assert not same(results[0][1], results[1][1])


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_hidden_labels_are_unreachable(updates):
    images, labels, mask = make_batch(rows=LABELED + UNLABELED + GENERATED)
    results = []
    for hidden in (-1, 2, 99):
        keras.utils.set_random_seed(3)
        gan = make_gan(updates=updates, augment="color", pseudo_label_weight=1.0, pseudo_label_threshold=0.0)
        for _ in range(2):
            step(gan, (images, np.where(mask, labels, hidden), mask))
        results.append(values(gan))
    assert same(results[0], results[1]) and same(results[0], results[2])


def test_visible_labels_are_used():
    images, labels, mask = make_batch()
    results = []
    for visible in (labels, np.where(mask, (labels + 1) % 3, labels)):
        keras.utils.set_random_seed(3)
        gan = make_gan()
        step(gan, (images, visible, mask))
        results.append(values(gan.discriminator))
    assert not same(*results)


@pytest.mark.parametrize("labeled", [0, LABELED + UNLABELED])
def test_batches_without_labeled_or_without_unlabeled_rows_stay_finite(labeled):
    gan = make_gan(augment="color", pseudo_label_weight=1.0)
    logs = step(gan, make_batch(labeled=labeled))
    assert all(np.isfinite(value) for value in logs.values())


def test_without_an_unsupervised_loss_the_generator_is_neither_run_nor_trained():
    gan = make_gan(gan_weight=0.0)
    before = values(gan.generator)
    step(gan, make_batch())
    assert same(before, values(gan.generator))


@pytest.mark.parametrize(
    ("arch", "term", "names"),
    [
        ("tiny", losses.GeneratorAdversarial, ["generated"]),
        ("article", losses.GeneratorAdversarial, ["generated", "strong"]),  # whose batch norm is to see both
        ("tiny", losses.FeatureMatching, ["generated", "strong"]),
    ],
)
def test_the_generators_own_images_are_passed_where_a_term_looks_at_them(arch, term, names, monkeypatch):
    gan, seen, discriminate = make_gan(arch=arch), [], passes._in_training
    gan.compile("sgd", "sgd", g_terms=[term()], updates="alternating", generated_batch=GENERATED)
    monkeypatch.setattr(
        passes, "_in_training", lambda network, images: seen.append(sorted(images)) or discriminate(network, images)
    )
    step(gan, make_batch(rows=LABELED + UNLABELED + GENERATED))
    assert seen == [["generated", "strong"], names]


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_the_generator_is_updated_every_d_steps(updates):
    gan = make_gan(updates=updates, d_steps=3)
    batch = make_batch(rows=LABELED + UNLABELED + GENERATED)
    for _ in range(7):
        step(gan, batch)
    assert (int(gan.d_optimizer.iterations), int(gan.g_optimizer.iterations)) == (7, 3)


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_between_its_steps_the_gan_takes_no_part(updates):
    options = {"pseudo_label_weight": 1.0, "pseudo_label_threshold": 0.0}
    gan = without_dropout(make_gan(updates=updates, gan_every=3, **options))
    alone = without_dropout(make_gan(gan_weight=0.0, **options))
    batch = make_batch(rows=LABELED + UNLABELED + GENERATED)
    own_rows = [part[:-GENERATED] for part in batch] if updates == "alternating" else batch
    for number in range(7):
        alone.discriminator.set_weights(gan.discriminator.get_weights())
        generator = trainable(gan.generator)
        step(gan, batch)
        step(alone, own_rows)
        takes_part = number % 3 == 0
        assert same(generator, trainable(gan.generator)) != takes_part
        assert (largest_difference(gan.discriminator, alone.discriminator) > 1e-6) == takes_part


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_until_their_start_unlabelled_images_take_no_part(updates):
    options = {"pseudo_label_weight": 1.0, "pseudo_label_threshold": 0.0}
    gan = without_dropout(make_gan(updates=updates, unlabeled_start=2, **options))
    alone = without_dropout(make_gan(gan_weight=0.0))
    batch = make_batch(rows=LABELED + UNLABELED + GENERATED)
    for number in range(4):
        alone.discriminator.set_weights(gan.discriminator.get_weights())
        generator = trainable(gan.generator)
        step(gan, batch)
        step(alone, [part[:LABELED] for part in batch])
        takes_part = number >= 2
        assert same(generator, trainable(gan.generator)) != takes_part
        assert (largest_difference(gan.discriminator, alone.discriminator) > 1e-6) == takes_part


def test_the_generators_turn_comes_in_every_d_steps_th_gan_step():
    gan = make_gan(gan_every=2, d_steps=3)
    for _ in range(13):
        step(gan, make_batch())
    assert (int(gan.d_optimizer.iterations), int(gan.g_optimizer.iterations)) == (13, 3)


def vat_step(images, labels, mask, *, d_rate=0.0, **options):
    """A step on labels and virtual adversarial images alone, by the same weights each time and without dropout."""
    keras.utils.set_random_seed(3)
    gan = without_dropout(make_gan(d_rate=d_rate, gan_weight=0.0, **options))
    return float(step(gan, (images, labels, mask))["d_loss"]), trainable(gan.discriminator)


def test_virtual_adversarial_training_is_of_the_unlabelled_rows_and_has_its_weight():
    images, labels, mask = make_batch()
    other = images.copy()
    other[:LABELED] = 255 - other[:LABELED]
    terms = [
        vat_step(shown, labels, mask, vat_weight=weight)[0] - vat_step(shown, labels, mask)[0]
        for shown, weight in ((images, 3.0), (other, 3.0), (images, 1.0))
    ]
    assert terms[0] > 1e-6
    assert terms[1] == pytest.approx(terms[0], rel=0.01)
    assert terms[2] == pytest.approx(terms[0] / 3, rel=0.01)


def test_virtual_adversarial_training_trains():
    images, labels, _ = make_batch()
    nowhere = np.zeros(len(labels), bool)
    (before, start), (_, weights) = (
        vat_step(images, labels, nowhere, vat_weight=1.0, d_rate=rate) for rate in (0.0, 0.1)
    )
    assert not same(start, weights)
    keras.utils.set_random_seed(3)
    gan = without_dropout(make_gan(d_rate=0.0, gan_weight=0.0, vat_weight=1.0))
    for variable, weight in zip(gan.discriminator.trainable_variables, weights, strict=True):
        variable.assign(weight)
    assert float(step(gan, (images, labels, nowhere))["d_loss"]) < before


def virtual_adversarial(gan, images, logits, *, radius):
    passes = losses.Passes(weak=losses.Rows(images, logits, logits), seeds=gan.noise_seed)
    return losses.VirtualAdversarial(radius=radius)(passes, gan.discriminator)


def test_the_adversarial_change_changes_predictions_more_than_a_random_one():
    gan = without_dropout(make_gan())
    images = to_unit_range(make_batch()[0])
    target, _ = gan.discriminator(images)
    noise = tf.random.stateless_normal(images.shape, [1, 2])
    random = noise / tf.sqrt(tf.reduce_mean(tf.square(noise), axis=[1, 2, 3], keepdims=True))
    logits, _ = gan.discriminator(images + 0.1 * random)
    assert virtual_adversarial(gan, images, target, radius=0.1) > 5 * losses.kl_divergence(target, logits) > 0


def test_adversarial_images_leave_the_batch_statistics_alone():
    gan = make_gan(arch="article")
    images = to_unit_range(make_batch()[0])
    before = [variable.numpy() for variable in gan.discriminator.non_trainable_variables]
    logits, _ = gan.discriminator(images)
    virtual_adversarial(gan, images, logits, radius=0.05)
    assert same(before, [variable.numpy() for variable in gan.discriminator.non_trainable_variables])


@pytest.mark.parametrize("arch", ["small", "article"])
@pytest.mark.parametrize("augment", ["photo", "natural", "color", "affine", "none"])
def test_real_and_generated_images_are_changed_alike(augment, arch):
    gan = make_gan(augment=augment, shift=2, arch=arch)
    shown = []
    gan.discriminator.call = lambda images, training: shown.append(images.numpy()) or (images[:, 0, 0], images[:, 0, 0])
    ramp = np.linspace(-0.5, 0.5, SIZE, dtype=np.float32)
    images = tf.constant(np.broadcast_to(ramp[:, np.newaxis, np.newaxis], (400, SIZE, SIZE, 1)))
    gan.discriminate(Batch(unlabeled=255 * (images + 1) / 2), Drawn(images, None, None), gan.d_terms)
    # A ramp moved down shows its top row more than once.
    edges = [
        np.mean(np.isclose(half[:, 0, 8], half[:, 1, 8], atol=1e-6)) for half in np.split(np.concatenate(shown), 2)
    ]
    assert np.allclose(edges, edges[0], atol=0.12)
    if augment != "affine":  # which adds noise
        assert min(edges) > 0.3


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
@pytest.mark.parametrize(("flip", "differ"), [("no", False), ("yes", True)])
def test_a_step_flips_real_images_and_generated_ones_each_by_itself(updates, flip, differ):
    gan = make_gan(updates=updates, flip=flip)
    shown, call = [], gan.discriminator.call
    gan.discriminator.call = lambda images, training=False: shown.append(images.numpy()) or call(images, training)
    ramp = np.arange(SIZE, dtype=np.uint8).reshape(1, 1, SIZE, 1)
    images, labels, mask = make_batch(rows=LABELED + UNLABELED + GENERATED)
    generate = gan.generator.call
    gan.generator.call = lambda noise, training: 0.0 * generate(noise, training) + to_unit_range(ramp)
    step(gan, (np.broadcast_to(ramp, images.shape), labels, mask))
    assert len(shown) == (4 if updates == "alternating" else 2)
    for seen in shown:
        assert len(np.unique(seen, axis=0)) == (2 if differ else 1)


def test_batch_norms_see_real_and_generated_images_together():
    gan, alone = (without_dropout(make_gan(arch="article")) for _ in range(2))
    alone.discriminator.set_weights(gan.discriminator.get_weights())
    images = to_unit_range(make_batch()[0])
    noise = tf.random.stateless_uniform([GENERATED, 4], [1, 2])
    generated = gan.generator(noise)
    drawn = Drawn(generated, noise, None)
    found = gan.discriminate(Batch(unlabeled=make_batch()[0]), drawn, gan.d_terms)
    passes = [(rows.logits, rows.features) for rows in (found.unlabeled, found.generated)]
    together = alone.discriminator(tf.concat([images, generated], axis=0), training=True)
    for part, rows in zip(passes, (slice(0, len(images)), slice(len(images), None)), strict=True):
        for found, expected in zip(part, together, strict=True):
            np.testing.assert_allclose(found, expected[rows], atol=1e-5)
    assert same(values(gan.discriminator), values(alone.discriminator))


def test_batch_norms_train_on_two_views_of_a_stream():
    gan = make_gan(arch="article", gan_views="weak")
    batches = tf.data.Dataset.from_tensor_slices(make_batch()).batch(LABELED + UNLABELED, drop_remainder=True)
    logs = gan.fit(batches, shuffle=False, verbose=0).history
    assert 0 <= logs["labeled_accuracy"][0] <= 1


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
@pytest.mark.parametrize(("shift", "differ"), [(0, False), (3, True)])
def test_a_step_shifts_real_images_and_generated_ones_each_by_its_own_pixels(updates, shift, differ):
    gan = make_gan(updates=updates, shift=shift)
    shown, call = [], gan.discriminator.call
    gan.discriminator.call = lambda images, training=False: shown.append(images.numpy()) or call(images, training)
    ramp = np.arange(SIZE, dtype=np.uint8).reshape(1, SIZE, 1, 1)
    images, labels, mask = make_batch(rows=LABELED + UNLABELED + GENERATED)
    generate = gan.generator.call
    gan.generator.call = lambda noise, training: 0.0 * generate(noise, training) + to_unit_range(ramp)
    step(gan, (np.broadcast_to(ramp, images.shape), labels, mask))
    assert len(shown) == (4 if updates == "alternating" else 2)
    for seen in shown:
        assert (len(np.unique(seen, axis=0)) > 1) == differ


def test_predictions_worth_learning_from_are_those_of_shifted_images_changed_no_further():
    gan = make_gan(shift=2, augment="color", pseudo_label_weight=1.0, gan_weight=0.0)
    shown, call = [], gan.discriminator.call
    gan.discriminator.call = lambda images, training=False: shown.append((images, training)) or call(images, training)
    images, labels, mask = make_batch()
    step(gan, (images, labels, mask))
    (strong, _), (weak, training) = shown
    assert not training and weak.shape[0] == UNLABELED
    assert np.isin(weak, to_unit_range(images)).all() and not np.isin(strong, to_unit_range(images)).all()
    assert (weak.numpy() != to_unit_range(images[LABELED:]).numpy()).any()


def test_the_average_starts_at_the_weights_and_follows_them():
    gan = make_gan(ema_decay=0.5)
    gan.initialize_from_data(make_batch(rows=20)[0])
    start = values(gan.discriminator)
    assert same(start, values(gan.ema_discriminator))
    step(gan, make_batch())
    decay = min(0.5, 2 / 11)
    for average, old, new in zip(values(gan.ema_discriminator), start, values(gan.discriminator), strict=True):
        np.testing.assert_allclose(average, decay * old + (1 - decay) * new, atol=1e-6)


@pytest.mark.parametrize("arch", ["small", "article"])
def test_predictions_do_not_depend_on_the_other_images_of_the_batch(arch):
    gan = make_gan(arch=arch)
    images = make_batch(rows=40)[0]
    step(gan, make_batch())
    before = values(gan)
    together = gan.predict(images, batch_size=40, verbose=0)
    alone = np.concatenate([gan.predict(images[i : i + 1], verbose=0) for i in range(4)])
    np.testing.assert_allclose(together[:4], alone, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1.0, atol=1e-5)
    assert same(before, values(gan))


def test_evaluate_reports_the_error_of_both_weights():
    gan = make_gan()
    step(gan, make_batch())
    images, labels, _ = make_batch(rows=30, labeled=30, seed=5)
    result = gan.evaluate(images, labels, verbose=0, return_dict=True)
    raw = np.argmax(gan.discriminator(to_unit_range(images))[0], axis=1)
    assert result["error"] == pytest.approx(np.mean(gan.predict(images, verbose=0).argmax(1) != labels))
    assert result["raw_error"] == pytest.approx(np.mean(raw != labels))


def test_fit_reports_named_metrics_once_per_epoch():
    gan = make_gan()
    batches = tf.data.Dataset.from_tensors(make_batch()).repeat(4)
    history = gan.fit(batches, epochs=2, verbose=0, shuffle=False).history
    assert set(history) == {*gan.train_metrics, "loss"} and len(history["d_loss"]) == 2
    assert int(gan.steps_done) == 8


@pytest.mark.parametrize("arch", ["small", "article"])
def test_save_and_load_keep_weights_average_and_optimizers(arch, tmp_path):
    gan = make_gan(arch=arch)
    gan.compile(
        *(keras.optimizers.Adam(ConstantThenLinear(1e-3, total_steps=9, decay_start=0.5)) for _ in range(2)),
        updates="alternating",
        generated_batch=GENERATED,
    )
    step(gan, make_batch(rows=LABELED + UNLABELED + GENERATED))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert same(values(gan), values(loaded))
    for name in ("d_optimizer", "g_optimizer"):
        assert same(*([v.numpy() for v in getattr(g, name).variables] for g in (gan, loaded)))
    assert loaded.updates == "alternating" and loaded.generated_batch == GENERATED
    images = make_batch()[0]
    np.testing.assert_array_equal(gan.predict(images, verbose=0), loaded.predict(images, verbose=0))
    step(loaded, make_batch(rows=LABELED + UNLABELED + GENERATED))


def test_bfloat16_trains_and_averages_in_float32():
    gan = make_gan(dtype="mixed_bfloat16")
    logs = step(gan, make_batch())
    assert np.isfinite(float(logs["d_loss"]))
    assert {str(w.dtype) for w in gan.weights if w.path.endswith(("direction", "kernel"))} == {"float32"}
    assert gan.ema_discriminator.dtype_policy.name == "float32"


def test_a_saved_model_loads_where_only_the_model_was_imported(tmp_path):
    gan = make_gan()
    gan.compile(*(keras.optimizers.Adam(ConstantThenLinear(1e-3, total_steps=9, decay_start=0.5)) for _ in range(2)))
    gan.save(tmp_path / "gan.keras")
    script = "import keras, ssgan.gan; print(keras.models.load_model('gan.keras').g_optimizer.learning_rate.numpy())"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == pytest.approx(1e-3)


def test_building_again_keeps_the_average():
    gan = make_gan()
    step(gan, make_batch())
    average = values(gan.ema_discriminator)
    gan.build((None, SIZE, SIZE, 1))
    assert same(average, values(gan.ema_discriminator))


def test_alternating_updates_need_rows_for_both_networks():
    with pytest.raises(ValueError, match="a batch has 5 rows, and generated_batch=5 of them are the generator's"):
        step(make_gan(updates="alternating"), make_batch(rows=GENERATED))


def test_float16_is_refused():
    with pytest.raises(ValueError, match="use mixed_bfloat16 or float32"):
        make_gan(dtype="mixed_float16")


def test_the_state_is_every_variable():
    gan = make_gan()
    state = {id(variable) for variable in gan.state().values()}
    metrics = [variable for metric in gan.train_metrics.values() for variable in metric.variables]
    owned = [*gan.variables, *gan.d_optimizer.variables, *gan.g_optimizer.variables, *metrics]
    assert state == {id(variable) for variable in owned}
    assert sum("seed" in variable.path for variable in gan.state().values()) >= 4  # dropout, its EMA copy, noise


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_a_restored_state_trains_on_as_if_nothing_had_happened(updates):
    batch = make_batch(rows=LABELED + UNLABELED + GENERATED)
    straight, resumed = make_gan(updates=updates, d_steps=2), make_gan(updates=updates, d_steps=2)
    for _ in range(3):
        step(straight, batch)
    resumed.restore({name: keras.ops.convert_to_numpy(value) for name, value in straight.state().items()})
    for gan in (straight, resumed):
        logs = [step(gan, batch) for _ in range(2)][-1]
    for (name, expected), found in zip(straight.state().items(), resumed.state().values(), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6, err_msg=name)
    assert float(logs["d_loss"]) > 0


def test_a_state_that_does_not_fit_changes_nothing():
    gan, other = make_gan(), make_gan(arch="article")
    before = values(gan)
    with pytest.raises(UsageError, match=r"the saved state has .* for discriminator/[\w/]+; this model has "):
        gan.restore({name: keras.ops.convert_to_numpy(value) for name, value in other.state().items()})
    assert same(before, values(gan))
