"""Noise on pixels, hidden layers, kernels and targets, and dropout: by hand, in the networks, and as options."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import ssgan
from ssgan import passes as of_step
from ssgan import terms
from ssgan.classifier import to_classifier
from ssgan.errors import UsageError
from ssgan.layers import Dropout, SpectralNormConv2D, UniformNoise, WeightNormConv2D, WeightNormDense
from ssgan.layers.recomputed import with_noise
from ssgan.models import ARCHITECTURES, Discriminator
from ssgan.options import Config
from ssgan.store import run
from ssgan.terms.adversarial import exchanged
from ssgan.train import train
from ssgan.training import build
from tests.test_commands import TINY
from tests.test_gan import make_batch, step

ALL = {"input_noise": 0.1, "hidden_noise": 0.2, "dropout": 0.3, "weight_noise": 0.05}
LOGITS = np.log([[1.0, 3.0], [0.5, 0.5], [2.0, 6.0], [0.25, 0.25]]).astype(np.float32)  # u = log 4, 0, log 8, -log 2
U = np.log([4.0, 1.0, 8.0, 0.5])


def images_of(size=16, channels=1, rows=3):
    return np.random.default_rng(0).uniform(-1, 1, (rows, size, size, channels)).astype(np.float32)


def rows_of(logits, kind=terms.Rows, **further):
    return kind(images=None, logits=tf.constant(logits), features=None, **further)


def passes_of(real=LOGITS, generated=LOGITS, *, seed=0):
    drawn = rows_of(generated, terms.Generated, drawn=None, strong=None, noise=None, classes=None)
    return terms.Passes(real=rows_of(real), generated=drawn, seeds=keras.random.SeedGenerator(seed))


# The targets.


def softplus(values):
    return np.logaddexp(0, values)


def test_half_of_four_targets_exchanged_by_hand():
    mask = np.array([True, False, False, True])
    loss = exchanged(tf.constant(U, tf.float32), terms.real_loss, terms.generated_loss, tf.constant(mask))
    # -log D where it is to be real, -log(1 - D) where not: D = 4/5, 1/2, 8/9, 1/3.
    np.testing.assert_allclose(loss, np.log([5, 2, 9 / 8, 1.5]), rtol=1e-6)
    assert loss.dtype == tf.float32


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_masks_are_those_of_the_seed(smoothing):
    again = keras.random.SeedGenerator(3)
    of_real, of_generated = (keras.random.uniform([4], seed=again).numpy() < 0.4 for _ in range(2))
    assert of_real.any() and of_generated.any() and (of_real != of_generated).any()
    as_real, as_generated = softplus(-U) + smoothing * U, softplus(U)
    expected = np.mean(np.where(of_real, as_generated, as_real)) + np.mean(
        np.where(of_generated, as_real, as_generated)
    )
    term = terms.Adversarial(label_noise=0.4, label_smoothing=smoothing)
    found = term(passes_of(seed=3), None)
    assert float(found) == pytest.approx(expected / 2, rel=1e-6) and found.dtype == tf.float32


@pytest.mark.parametrize("objective", terms.OBJECTIVES)
def test_so_many_targets_are_exchanged_of_every_objective(objective):
    rows, share, game = 2_000, 0.3, terms.OBJECTIVES[objective]
    real, generated = np.log([[0.9, 0.8]]), np.log([[0.3, 0.4]])
    found = terms.Adversarial(objective=objective, label_noise=share)(
        passes_of(*(np.repeat(one, rows, axis=0).astype(np.float32) for one in (real, generated))), None
    )
    u, v = (game.scores(tf.constant(one, tf.float32)) for one in (real, generated))
    swapped = game.generated(u) - game.real(u), game.real(v) - game.generated(v)
    expected = 0.5 * (game.real(u) + game.generated(v) + share * (swapped[0] + swapped[1]))
    deviation = 0.5 * np.hypot(*(float(one[0]) for one in swapped)) * np.sqrt(share * (1 - share) / rows)
    assert abs(float(found) - float(expected[0])) < 5 * deviation + 1e-5


def test_the_masks_are_drawn_anew_and_without_label_noise_nothing_is_drawn():
    step_of, seeds = passes_of(), []
    for label_noise in (0.0, 0.4, 0.4):
        value = float(terms.Adversarial(label_noise=label_noise)(step_of, None))
        seeds.append((value, step_of.seeds.state.numpy().tolist()))
    assert seeds[0][1] == passes_of().seeds.state.numpy().tolist() and seeds[0][0] == pytest.approx(
        0.5 * np.mean(softplus(-U) + softplus(U)), rel=1e-6
    )
    assert len({value for value, _ in seeds}) == 3 and seeds[1][1] != seeds[2][1] != seeds[0][1]


def test_a_loss_that_overflows_where_it_does_not_count_leaves_a_gradient():
    game, u = terms.OBJECTIVES["kl"], tf.constant([200.0, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(u)
        value = exchanged(u, game.real, game.generated, tf.constant([False, True]))
    np.testing.assert_allclose(value, [-200, 1])  # -u, exp(u - 1)
    np.testing.assert_allclose(tape.gradient(value, u), [-1, 1])


def test_the_best_answer_keeps_within_a_bound():
    share, ratio = 0.1, np.array([1e-9, 0.5, 1.0, 1e9])
    u = tf.Variable(np.log(((1 - share) * ratio + share) / (share * ratio + 1 - share)), dtype=tf.float32)
    assert np.abs(u).max() <= np.log(9) + 1e-6
    with tf.GradientTape() as tape:
        real, generated = terms.real_loss(u), terms.generated_loss(u)
        of_real, of_generated = (1 - share) * real + share * generated, (1 - share) * generated + share * real
        loss = (ratio * of_real + of_generated) / (1 + ratio)
    np.testing.assert_allclose(tape.gradient(loss, u), 0, atol=1e-6)


def test_it_is_one_of_the_terms_arguments():
    term = terms.Adversarial(0.5, objective="hinge", label_noise=0.2)
    assert terms.Adversarial.from_config(term.get_config()).get_config() == term.get_config()
    assert term.get_config()["label_noise"] == 0.2
    of_before = {name: value for name, value in term.get_config().items() if name != "label_noise"}
    assert terms.Adversarial.from_config(of_before).label_noise == 0
    with pytest.raises(UsageError, match="Adversarial: label_noise=0.5: expected 0.0 to 0.49"):
        terms.Adversarial(label_noise=0.5)


# Kernels.


def noisy_layer(kind, **options):
    options = {"seed": 7, "weight_noise": 0.2, **options}
    keras.utils.set_random_seed(options.pop("seed"))
    layer = kind(24, **({} if kind is WeightNormDense else {"kernel_size": 3}), **options)
    layer.build((None, 24) if kind is WeightNormDense else (None, 5, 5, 24))
    return layer


@pytest.mark.parametrize("kind", [WeightNormConv2D, SpectralNormConv2D, WeightNormDense])
def test_a_kernel_has_noise_of_its_relative_deviation_in_training(kind, monkeypatch):
    layer, used = noisy_layer(kind), []
    layer.trainable = False  # so that the estimate of a spectral norm stays as it is
    inputs = images_of(5, 24) if kind is not WeightNormDense else images_of(5, 24)[0, 0]
    apply = layer._apply_kernel
    monkeypatch.setattr(layer, "_apply_kernel", lambda inputs, kernel: used.append(kernel) or apply(inputs, kernel))
    for training in (False, True, True):
        layer(inputs, training=training)
    plain, first, second = (one.numpy() for one in used)
    np.testing.assert_allclose(plain, layer.kernel(), rtol=1e-5)
    size = np.sqrt(np.mean(plain**2))
    exact = 5 / np.sqrt(2 * plain.size)  # five standard errors of a deviation
    for noise in (first - plain, second - plain, (first - second) / np.sqrt(2)):
        assert noise.std() / size == pytest.approx(0.2, rel=exact)
        assert abs(noise.mean()) < 5 * noise.std() / np.sqrt(noise.size)
        assert abs(np.mean((noise / noise.std()) ** 4) - 3) < 5 * np.sqrt(24 / noise.size)  # Gaussian


def test_the_noise_follows_the_size_of_the_kernel_and_has_no_gradient():
    kernel, values = tf.constant([[3.0, 4.0], [0.0, 5.0]]), []
    for factor in (1.0, 10.0):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            noisy = with_noise(factor * kernel, 0.1, seed=keras.random.SeedGenerator(5))
        np.testing.assert_allclose(tape.gradient(noisy, kernel), np.full((2, 2), factor), rtol=1e-6)
        values.append(noisy - factor * kernel)
    drawn = keras.random.normal([2, 2], seed=keras.random.SeedGenerator(5))
    np.testing.assert_allclose(values[0], 0.1 * np.sqrt(50 / 4) * drawn, rtol=1e-4)
    np.testing.assert_allclose(values[1], 10 * values[0], rtol=1e-4)
    np.testing.assert_array_equal(with_noise(0 * kernel, 0.1, seed=keras.random.SeedGenerator(5)), np.zeros((2, 2)))


def test_without_weight_noise_a_layer_draws_nothing_and_folds_as_before():
    layer = noisy_layer(WeightNormConv2D, weight_noise=0.0)
    images = images_of(5, 24)
    np.testing.assert_array_equal(layer(images, training=True), layer(images))
    assert len(layer.variables) == 3 and not hasattr(layer, "seed_generator")
    noisy = noisy_layer(WeightNormConv2D)
    assert len(noisy.weights) == 3 and len(noisy.variables) == 4
    plain = noisy.to_plain()
    plain.build((None, 5, 5, 24))
    plain.set_weights([noisy.kernel(), noisy.bias])
    np.testing.assert_allclose(plain(images), noisy(images), rtol=1e-4, atol=1e-5)
    again = WeightNormConv2D.from_config(noisy.get_config())
    assert again.weight_noise == 0.2 and hasattr(again, "seed_generator")
    with pytest.raises(ValueError, match="weight_noise=-1: expected at least 0"):
        WeightNormDense(3, weight_noise=-1)


def test_in_bfloat16_kernels_are_noisy_too():
    layer = noisy_layer(WeightNormConv2D, dtype="mixed_bfloat16")
    outputs = layer(images_of(5, 24), training=True)
    assert outputs.dtype == tf.bfloat16 and np.any(outputs != layer(images_of(5, 24), training=True))


# Discriminators.


@pytest.fixture
def little(monkeypatch):
    """Makes of the architecture `small` one that is quickly trained."""

    def layers_of(dtype):
        convolutions = [WeightNormConv2D(units, 3, strides=2, dtype=dtype) for units in (4, 6)]
        first, second = ([one, layers.LeakyReLU(0.2, dtype=dtype)] for one in convolutions)
        return [*first, Dropout(0.2, dtype=dtype), *second]

    monkeypatch.setitem(ARCHITECTURES, "small", layers_of)


def built(size=16, channels=1, **options):
    network = Discriminator(3, **{"arch": "small", **options})
    network.build((None, size, size, channels))
    return network


def kinds(network):
    return [type(layer).__name__ for layer in network.trunk]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_switched_off_it_adds_no_layer_and_no_variable(arch):
    usual, off = (built(32, 3, arch=arch, **options) for options in ({}, {"input_noise": 0.0, "weight_noise": 0.0}))
    assert kinds(usual) == kinds(off) and len(usual.variables) == len(off.variables)
    assert not any(getattr(layer, "weight_noise", 0) for layer in usual.trunk)
    noises = [layer.stddev for layer in usual.trunk if isinstance(layer, UniformNoise)]
    assert noises == ([0.3] * 5 if arch == "tiny" else [])


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_pixels_have_noise_of_this_deviation_in_training_alone(dtype):
    network = built(input_noise=0.25, arch="paper_svhn", dtype=dtype, size=40)
    noise, *rest = network.trunk
    assert isinstance(noise, UniformNoise) and isinstance(rest[0], Dropout) and network.halvings == 1
    assert isinstance(rest[1], WeightNormConv2D) and rest[1].strides == 2  # the halving, behind both
    images = images_of(40, rows=30)
    seen = noise(images, training=True).numpy()
    assert (seen - images).std() == pytest.approx(0.25, rel=0.02) and seen.dtype == np.float32
    np.testing.assert_array_equal(network(images[:2])[0], network(images[:2], training=False)[0])
    exact = built(size=40, arch="paper_svhn", dtype=dtype)
    exact.set_weights(network.get_weights())
    np.testing.assert_array_equal(exact(images[:2])[0], network(images[:2])[0])


def test_it_is_the_noise_that_changes_what_is_seen_in_training(little):
    images = images_of()
    for option in ({"input_noise": 0.3}, {"hidden_noise": 0.3}, {"weight_noise": 0.3}, {"dropout": 0.5}):
        network = built(**{"dropout": 0.0, **option})
        first, second = (network(images, training=True)[0].numpy() for _ in range(2))
        assert np.abs(first - second).max() > 1e-4, option
        np.testing.assert_array_equal(network(images)[0], network(images)[0])
    still = built(dropout=0.0)
    np.testing.assert_array_equal(still(images, training=True)[0], still(images)[0])


@pytest.mark.parametrize(("arch", "layers_with_noise"), [("tiny", 5), ("small", 5), ("paper_svhn", 8), ("article", 6)])
def test_hidden_noise_follows_each_activation_but_the_last(arch, layers_with_noise):
    network = built(32, 3, arch=arch, hidden_noise=0.7)
    noises = [number for number, layer in enumerate(network.trunk) if isinstance(layer, UniformNoise)]
    assert len(noises) == layers_with_noise and {network.trunk[number].stddev for number in noises} == {0.7}
    assert all(isinstance(network.trunk[number - 1], layers.LeakyReLU) for number in noises)
    assert kinds(network).count("LeakyReLU") == layers_with_noise + 1
    if arch == "tiny":
        assert kinds(network) == kinds(built(32, 3, arch=arch))
    assert "UniformNoise" not in kinds(built(32, 3, arch=arch, hidden_noise=0.0))


def test_dropout_has_one_rate_in_every_layer_of_its():
    rates = [layer.rate for layer in built(32, 3, arch="paper_svhn", dropout=0.4).trunk if isinstance(layer, Dropout)]
    assert rates == [0.4] * 3
    assert [layer.rate for layer in built(dropout=0.0).trunk if isinstance(layer, Dropout)] == [0.0] * 2
    built(arch="tiny", dropout=0.0)


@pytest.mark.parametrize("normalization", ["weight", "spectral"])
def test_weight_noise_is_on_every_convolution_and_not_on_the_logits(normalization):
    network = built(64, 3, normalization=normalization, weight_noise=0.1)
    kind = WeightNormConv2D if normalization == "weight" else SpectralNormConv2D
    convolutions = [layer for layer in network.trunk if isinstance(layer, kind)]
    assert len(convolutions) == 7 and {layer.weight_noise for layer in convolutions} == {0.1}
    assert {layer.dtype_policy.name for layer in convolutions} == {"float32"} and network.head.weight_noise == 0


def test_the_kernels_of_a_step_are_the_same_for_all_of_its_images():
    network, images = built(dropout=0.0, weight_noise=0.3), images_of()
    found = of_step._in_training(network, {"strong": images, "generated": images})
    np.testing.assert_allclose(found["strong"].logits, found["generated"].logits, rtol=1e-5, atol=1e-6)
    other = of_step._in_training(network, {"strong": images})
    assert np.abs(other["strong"].logits - found["strong"].logits).max() > 1e-4


def test_a_noisy_discriminator_is_saved_averaged_and_folded_without_its_noise(little, tmp_path):
    network, images = built(32, 3, **ALL), images_of(32, 3)
    network.initialize_from_data(images)
    network.save(tmp_path / "discriminator.keras")
    loaded = keras.models.load_model(tmp_path / "discriminator.keras")
    assert loaded.get_config() == network.get_config() and ALL.items() <= loaded.get_config().items()
    assert kinds(loaded) == kinds(network)
    np.testing.assert_array_equal(loaded(images)[0], network(images)[0])
    assert np.any(loaded(images, training=True)[0] != loaded(images)[0])
    classifier = to_classifier(network)
    expected = keras.ops.softmax(network(images)[0])
    for training in (False, True):
        np.testing.assert_allclose(classifier((images + 1) * 127.5, training=training), expected, atol=1e-5)
    of_before = {name: value for name, value in network.get_config().items() if name not in ALL}
    assert kinds(Discriminator.from_config(of_before)) == kinds(built(32, 3))


def test_a_trunk_of_ones_own_may_have_noisy_pixels_and_is_saved(tmp_path):
    trunk = keras.Sequential([keras.Input((16, 16, 1)), layers.Conv2D(4, 3), layers.LeakyReLU(0.2)])
    network, images = Discriminator(3, trunk=trunk, input_noise=0.3), images_of()
    network.build((None, 16, 16, 1))
    assert np.any(network(images, training=True)[0] != network(images)[0])
    network.save(tmp_path / "own.keras")
    loaded = keras.models.load_model(tmp_path / "own.keras")
    np.testing.assert_array_equal(loaded(images)[0], network(images)[0])
    np.testing.assert_allclose(
        to_classifier(network)((images + 1) * 127.5), keras.ops.softmax(network(images)[0]), atol=1e-5
    )
    with pytest.raises(UsageError, match="hidden_noise=0.3 is of the named architectures; a trunk of your own"):
        Discriminator(3, trunk=trunk, hidden_noise=0.3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"input_noise": -1}, "input_noise=-1: expected 0.0 to 10.0"),
        ({"hidden_noise": -0.1}, "hidden_noise=-0.1: expected 0.0 to 10.0"),
        ({"dropout": 1}, "dropout=1: expected 0.0 to 0.99"),
        ({"weight_noise": 2}, "weight_noise=2: expected 0.0 to 1.0"),
        ({"arch": "tiny", "dropout": 0.5}, "dropout=0.5: this architecture has no dropout; expected another arch"),
        ({"arch": "article", "weight_noise": 0.1}, "weight_noise=0.1: its convolutions are plain ones; expected norm"),
        ({"normalization": "none", "weight_noise": 0.1}, "weight_noise=0.1: its convolutions are plain ones"),
    ],
)
def test_senseless_noise_is_refused_by_the_discriminator(options, told):
    with pytest.raises(UsageError, match=told):
        Discriminator(3, **options)


# Options.


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"label_noise": 0.5}, "label_noise=0.5: expected 0.0 to 0.49"),
        ({"dropout": 0.5, "arch": "tiny"}, "--dropout=0.5 and --arch=tiny: it has no dropout; take --hidden_noise"),
        ({"weight_noise": 0.1, "arch": "article"}, "--weight_noise=0.1 and --arch=article and --normalization=weight"),
        (
            {"weight_noise": 0.1, "normalization": "none"},
            "its convolutions are plain ones; take --normalization=weight",
        ),
    ],
)
def test_senseless_combinations_are_refused(options, told):
    with pytest.raises(UsageError, match=told):
        Config(**options)


def test_the_options_make_the_discriminator_and_the_term(little):
    config = Config(label_noise=0.2, label_smoothing=0.1, **ALL, precision="float32")
    gan = build.build(config, image_shape=(16, 16, 1), num_classes=3, steps=1)
    assert ALL.items() <= gan.discriminator.get_config().items() and ALL.items() <= config.mathematics().items()
    (term,) = [term for term in gan.d_terms if isinstance(term, terms.Adversarial)]
    assert (term.label_noise, term.label_smoothing) == (0.2, 0.1)
    assert Config.from_json(json.dumps({"format_version": 4})).label_noise == 0


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
def test_a_step_with_all_of_them_moves_both_networks_and_its_state_comes_back(updates, little, tmp_path):
    gan = noisy_gan(updates)
    before = [variable.numpy() for variable in gan.trainable_variables]
    logs = step(gan, make_batch())
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert all(np.any(now.numpy() != then) for now, then in zip(gan.trainable_variables, before, strict=True))
    again = noisy_gan(updates)
    again.restore({name: keras.ops.convert_to_numpy(variable) for name, variable in gan.state().items()})
    losses = [float(step(one, make_batch())["d_loss"]) for one in (gan, again)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)  # the same noise, which the seeds in the state give
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.discriminator.get_config() == gan.discriminator.get_config()
    assert loaded.d_terms[1].label_noise == 0.3


def noisy_gan(updates):
    gan = ssgan.SSGAN(Discriminator(3, **ALL), ssgan.Generator((16, 16, 1), width=1, latent_dim=4))
    gan.compile(
        keras.optimizers.SGD(0.1),
        keras.optimizers.SGD(0.1),
        d_terms=[terms.Supervised(), terms.Adversarial(label_noise=0.3)],
        updates=updates,
        generated_batch=4,
    )
    return gan


def test_a_whole_run_with_all_of_them_gives_a_classifier_without_noise(little, tmp_path, capsys):
    options = {**TINY, "arch": "small", "total_steps": 3, "labels": 10, "dataset": "street_digits"}
    config = Config(**options, **ALL, label_noise=0.3, train_images=40, run_dir=str(tmp_path / "run"))
    folder = train(config)
    saved = Config.from_json((folder / run.OPTIONS).read_text())
    assert ALL.items() <= vars(saved).items() and saved.label_noise == 0.3
    assert "step 3/3" in capsys.readouterr().out
    classifier = ssgan.load_classifier(folder)
    assert not any("noise" in type(layer).__name__.lower() for layer in classifier.layers)
    pixels = np.zeros((2, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(classifier(pixels, training=True), classifier(pixels))
