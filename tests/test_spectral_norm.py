"""Spectral normalisation: the layers by hand, and discriminators that have it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssgan
from ssgan.classifier import to_classifier
from ssgan.gan import to_unit_range
from ssgan.layers import (
    SpectralNormalized,
    SpectralNormConv2D,
    SpectralNormDense,
    WeightNormalized,
    WeightNormConv2D,
    WeightNormDense,
)
from ssgan.layers.spectral_norm import power_iteration
from ssgan.models import Discriminator, Generator
from tests.test_gan import GENERATED, make_batch, step
from tests.test_models import structure

LAYERS = {
    "dense": (SpectralNormDense, {}, (7,)),
    "conv": (SpectralNormConv2D, {"kernel_size": 3}, (9, 8, 3)),
    "conv strided valid": (SpectralNormConv2D, {"kernel_size": 5, "strides": 2, "padding": "valid"}, (9, 8, 3)),
}
every_layer = pytest.mark.parametrize("name", list(LAYERS))
SHAPE = (16, 16, 3)


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(1)


def layer_of(name, **options):
    kind, arguments, shape = LAYERS[name]
    layer = kind(5, **arguments, **options)
    layer.build((None, *shape))
    layer.bias.assign([1.0, -1.0, 0.0, 0.5, 2.0])
    return layer


def inputs_of(name):
    return np.random.default_rng(0).normal(size=(4, *LAYERS[name][2])).astype(np.float32)


def matrix_of(layer, kernel):
    return np.asarray(kernel, np.float64).reshape(-1, layer.units)


def converged(layer):
    """Returns a layer whose vector is that of the largest singular value."""
    layer.u.assign(np.linalg.svd(matrix_of(layer, layer.unnormalized))[0][:, 0])
    return layer


def test_one_power_iteration_in_each_training_call_by_hand():
    matrix = np.array([[3.0, 0.0], [4.0, 5.0]], np.float32)
    assert np.linalg.norm(matrix, 2) == pytest.approx(6.708204, abs=1e-6)
    layer = SpectralNormDense(2)
    layer.build((None, 2))
    layer.unnormalized.assign(matrix)
    layer.u.assign([1.0, 0.0])
    for sigma in (5.0, 6.671746, 6.707750):
        np.testing.assert_allclose(layer(np.eye(2, dtype=np.float32), training=True), matrix / sigma, rtol=1e-6)
    # Outside of training v is that of the u that is kept: after (1, 0), u is (.6, .8) and W'u is (5, 4).
    layer.u.assign([0.6, 0.8])
    np.testing.assert_allclose(layer.kernel(), matrix / np.sqrt(41), rtol=1e-6)


@every_layer
def test_the_largest_singular_value_of_the_matrix_becomes_one(name):
    layer, inputs = layer_of(name), inputs_of(name)
    for _ in range(60):
        layer(inputs, training=True)
    singular = np.linalg.svd(matrix_of(layer, layer.kernel()), compute_uv=False)
    assert singular[0] == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(layer.u) == pytest.approx(1, abs=1e-5)


def test_a_convolution_stretches_by_its_kernel_size_at_most():
    layer = converged(layer_of("conv"))
    layer.bias.assign(np.zeros(5))
    basis = np.eye(6 * 6 * 3, dtype=np.float32).reshape(-1, 6, 6, 3)
    assert 1 < np.linalg.norm(layer(basis).numpy().reshape(len(basis), -1), 2) <= 3


@every_layer
def test_only_a_call_in_training_moves_the_vector(name):
    layer, inputs = layer_of(name), inputs_of(name)
    before = [weight.numpy() for weight in layer.weights]
    first = layer(inputs)
    np.testing.assert_array_equal(first, layer(inputs))
    np.testing.assert_array_equal(layer.u, before[-1])
    layer(inputs, training=True)
    for old, weight in zip(before, layer.weights, strict=True):
        assert np.array_equal(old, weight) == (weight.name != "u")
    layer.trainable, kept = False, layer.u.numpy()
    layer(inputs, training=True)
    np.testing.assert_array_equal(layer.u, kept)


@every_layer
def test_the_length_of_the_vector_does_not_matter(name):
    layer = layer_of(name)
    kernel = layer.kernel()
    layer.u.assign(0.3 * layer.u)
    np.testing.assert_allclose(layer.kernel(), kernel, rtol=1e-5)


@every_layer
@pytest.mark.parametrize("training", [False, True])
def test_gradients_flow_through_sigma_and_not_through_its_vectors(name, training):
    layer = layer_of(name)
    weights = np.random.default_rng(2).normal(size=layer.unnormalized.shape)
    matrix, u = matrix_of(layer, layer.unnormalized), np.asarray(layer.u, np.float64)
    v = matrix.T @ u / np.linalg.norm(matrix.T @ u)
    u = matrix @ v / np.linalg.norm(matrix @ v) if training else u / np.linalg.norm(u)

    def loss_of(values):
        return np.sum(np.sin(values / (u @ matrix_of(layer, values) @ v)) * weights)

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(layer.kernel(training=training)) * weights.astype(np.float32))
    gradient = tape.gradient(loss, layer.unnormalized.value).numpy()
    values = layer.unnormalized.numpy().astype(np.float64)
    assert float(loss) == pytest.approx(loss_of(values), rel=1e-4, abs=1e-4)
    for index in list(np.ndindex(*values.shape))[:: values.size // 7]:
        change = np.zeros_like(values)
        change[index] = 1e-6
        slope = (loss_of(values + change) - loss_of(values - change)) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=2e-3)


def test_at_the_largest_singular_value_its_gradient_is_that_of_the_norm():
    matrix = tf.constant(np.random.default_rng(0).normal(size=(6, 4)), tf.float32)
    left, _, right = np.linalg.svd(matrix.numpy())
    with tf.GradientTape() as tape:
        tape.watch(matrix)
        u, v = power_iteration(matrix, tf.constant(left[:, 0]))
        sigma = tf.tensordot(u, tf.linalg.matvec(matrix, v), axes=1)
    np.testing.assert_allclose(tape.gradient(sigma, matrix), np.outer(left[:, 0], right[0]), atol=1e-5)


@every_layer
def test_a_plain_keras_layer_with_folded_weights_does_the_same(name):
    layer, inputs = layer_of(name), inputs_of(name)
    plain = layer.to_plain()
    plain.build(inputs.shape)
    plain.set_weights([layer.kernel(), layer.bias])
    np.testing.assert_allclose(layer(inputs), plain(inputs), atol=1e-5)
    assert layer(inputs).shape == layer.compute_output_shape(inputs.shape)
    assert type(plain).__module__.startswith("keras.") and plain.name == layer.name


@every_layer
def test_bfloat16_layers_keep_float32_weights(name):
    layer, inputs = layer_of(name, dtype="mixed_bfloat16"), inputs_of(name)
    outputs = layer(inputs, training=True)
    assert outputs.dtype == "bfloat16" and layer.kernel().dtype == "float32"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    exact = layer.to_plain()
    exact.build(inputs.shape)
    exact.set_weights([layer.kernel(), layer.bias])
    np.testing.assert_allclose(tf.cast(layer(inputs), "float32"), exact(inputs), atol=0.1)


@every_layer
def test_a_saved_layer_keeps_its_vector(name, tmp_path):
    model = keras.Sequential([keras.Input(LAYERS[name][2]), layer_of(name)])
    model(inputs_of(name), training=True)
    assert [weight.name for weight in model.trainable_weights] == ["kernel", "bias"]
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(loaded.layers[0].u, model.layers[0].u)
    np.testing.assert_array_equal(loaded(inputs_of(name)), model(inputs_of(name)))
    assert loaded.layers[0].get_config() == model.layers[0].get_config()


@pytest.mark.parametrize("arch", ["small", "tiny", "paper_svhn"])
@pytest.mark.parametrize(("normalization", "kind"), [("spectral", SpectralNormConv2D), ("none", keras.layers.Conv2D)])
def test_a_discriminator_with_another_normalisation_is_otherwise_the_same(arch, normalization, kind):
    network, usual = (
        Discriminator(4, arch=arch, normalization=chosen, dtype="mixed_bfloat16")
        for chosen in (normalization, "weight")
    )
    for one in (network, usual):
        one.build((None, 33, 33, 3))
    assert network.get_config()["normalization"] == normalization and usual.normalization == "weight"
    assert not network.has_batch_statistics
    pairs = [
        (found, expected)
        for found, expected in zip(network.trunk, usual.trunk, strict=True)
        if isinstance(expected, WeightNormConv2D)
    ]
    assert len(pairs) == len(structure(usual)) - sum(isinstance(entry, float) for entry in structure(usual))
    for found, expected in pairs:
        assert type(found) is kind and found.compute_dtype == expected.compute_dtype == "bfloat16"
        plain, wanted = (one.to_plain() if hasattr(one, "to_plain") else one for one in (found, expected))
        for name in ("filters", "kernel_size", "strides", "padding"):
            assert getattr(plain, name) == getattr(wanted, name)
    assert type(network.head) is WeightNormDense and network.head.train_gain


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalization": "layer"}, "normalization='layer': expected one of weight, spectral, none"),
        (
            {"normalization": "spectral", "arch": "article"},
            "normalization='spectral': this architecture has batch norm, which would undo it",
        ),
        (
            {"normalization": "none", "arch": "article"},
            "normalization='none': this architecture has batch norm, which would undo it",
        ),
        (
            {"normalization": "spectral", "trunk": keras.Sequential([keras.layers.Flatten()])},
            "in a trunk of your own take layers such as ssgan.layers.SpectralNormConv2D",
        ),
    ],
)
def test_normalisations_that_cannot_be_had_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Discriminator(3, **options)


def test_discriminators_of_earlier_versions_are_weight_normalised():
    network = Discriminator.from_config({"num_classes": 10, "arch": "small", "pooling": "max"})
    assert network.normalization == "weight" and isinstance(network.trunk[0], WeightNormalized)


def new_gan() -> ssgan.SSGAN:
    keras.utils.set_random_seed(1)
    gan = ssgan.SSGAN(
        Discriminator(3, arch="tiny", normalization="spectral"),
        Generator((16, 16, 1), width=1, latent_dim=4),
        ema_decay=0.5,
    )
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), generated_batch=GENERATED)
    return gan


@pytest.fixture(scope="module")
def gan() -> ssgan.SSGAN:
    gan = new_gan()
    gan.initialize_from_data(make_batch()[0])
    return gan


def arrays(gan: ssgan.SSGAN) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in gan.state().items()}


def test_a_step_moves_kernels_by_their_gradient_and_vectors_by_iteration(gan):
    before = arrays(gan)
    assert np.isfinite(float(step(gan, make_batch())["loss"]))
    after = arrays(gan)
    layers = [layer for layer in gan.discriminator.trunk if isinstance(layer, SpectralNormalized)]
    assert len(layers) == 6
    for layer, suffix in zip(layers, ["", "_2", "_3", "_4", "_5", "_6"], strict=True):
        for name in ("kernel", "u"):
            key = f"discriminator/spectral_norm_conv2d{suffix}/{name}"
            assert not np.array_equal(before[key], after[key])
            assert not np.array_equal(before[f"ema_{key}"], after[f"ema_{key}"])
        assert np.linalg.norm(layer.u) == pytest.approx(1, abs=1e-5)
    assert not [name for name in after if name.startswith("d_optimizer") and name.endswith("u")]


def test_it_is_restored_saved_and_exported(gan, tmp_path):
    other, images = new_gan(), make_batch()[0]
    other.restore(arrays(gan))
    expected = gan(images)
    np.testing.assert_array_equal(other(images), expected)
    gan.ema_discriminator.save(tmp_path / "discriminator.keras")
    loaded = keras.models.load_model(tmp_path / "discriminator.keras")
    np.testing.assert_array_equal(keras.ops.softmax(loaded(to_unit_range(images))[0]), expected)
    classifier = to_classifier(gan.ema_discriminator)
    for training in (False, True):
        np.testing.assert_allclose(classifier(images, training=training), expected, atol=1e-5)
    classifier.save(tmp_path / "classifier.keras")
    np.testing.assert_allclose(ssgan.load_classifier(tmp_path / "classifier.keras")(images), expected, atol=1e-5)


def test_initialisation_from_data_moves_the_vectors_once_and_no_kernel():
    network = Discriminator(3, arch="tiny", normalization="spectral")
    network.build((None, 16, 16, 1))
    layers = [layer for layer in network.trunk if isinstance(layer, SpectralNormalized)]
    before = [(layer.unnormalized.numpy(), layer.u.numpy()) for layer in layers]
    network.initialize_from_data(to_unit_range(make_batch()[0]))
    for layer, (kernel, u) in zip(layers, before, strict=True):
        np.testing.assert_array_equal(layer.unnormalized, kernel)
        matrix = matrix_of(layer, kernel)
        moved = matrix @ (matrix.T @ u)
        np.testing.assert_allclose(layer.u, moved / np.linalg.norm(moved), atol=1e-5)


def test_one_without_normalisation_is_exported():
    discriminator, images = Discriminator(3, arch="tiny", normalization="none"), make_batch()[0]
    discriminator.build((None, 16, 16, 1))
    discriminator.initialize_from_data(to_unit_range(images))
    expected = keras.ops.softmax(discriminator(to_unit_range(images))[0])
    np.testing.assert_allclose(to_classifier(discriminator)(images), expected, atol=1e-5)


def test_in_a_trunk_of_ones_own_the_layers_are_folded_too(tmp_path):
    inner = keras.Sequential([keras.Input((8, 8, 4)), WeightNormConv2D(4, 3), SpectralNormConv2D(5, 3)])
    trunk = keras.Sequential(
        [keras.Input(SHAPE), SpectralNormConv2D(4, 3, strides=2), keras.layers.ReLU(), inner, keras.layers.Flatten()]
    )
    discriminator = Discriminator(3, trunk=trunk)
    images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE)).astype(np.uint8)
    before = trunk.layers[0].u.numpy()
    discriminator(to_unit_range(images), training=True)
    assert not np.array_equal(before, trunk.layers[0].u)
    expected = keras.ops.softmax(discriminator(to_unit_range(images))[0])
    classifier = to_classifier(discriminator)
    np.testing.assert_allclose(classifier(images), expected, atol=1e-5)
    classifier.save(tmp_path / "classifier.keras")
    np.testing.assert_allclose(ssgan.load_classifier(tmp_path / "classifier.keras")(images), expected, atol=1e-5)
