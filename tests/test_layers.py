import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.layers import (
    BatchNormalization,
    Dropout,
    UniformNoise,
    WeightNormConv2D,
    WeightNormConv2DTranspose,
    WeightNormDense,
)

IMAGES = (9, 8, 3)
LAYERS = {
    "dense": (WeightNormDense, {}, (7,)),
    "conv": (WeightNormConv2D, {"kernel_size": 3}, IMAGES),
    "conv strided": (WeightNormConv2D, {"kernel_size": 3, "strides": 2}, IMAGES),
    "conv valid": (WeightNormConv2D, {"kernel_size": 3, "padding": "valid"}, IMAGES),
    "conv strided valid": (WeightNormConv2D, {"kernel_size": 5, "strides": 2, "padding": "valid"}, IMAGES),
    "conv 1x1": (WeightNormConv2D, {"kernel_size": 1}, IMAGES),
    "transpose": (WeightNormConv2DTranspose, {"kernel_size": 3}, IMAGES),
    "transpose strided": (WeightNormConv2DTranspose, {"kernel_size": 5, "strides": 2}, IMAGES),
    "transpose valid": (WeightNormConv2DTranspose, {"kernel_size": 5, "strides": 2, "padding": "valid"}, IMAGES),
}
every_layer = pytest.mark.parametrize("name", list(LAYERS))


def inputs_of(name, batch=4):
    return np.random.default_rng(0).normal(size=(batch, *LAYERS[name][2])).astype(np.float32)


def layer_of(name, **options):
    """Returns a built layer of 5 units, with random gain and bias."""
    kind, arguments, shape = LAYERS[name]
    keras.utils.set_random_seed(1)
    layer = kind(5, **arguments, **options)
    layer.build((None, *shape))
    layer.gain.assign([0.5, 1.0, 2.0, 3.0, 0.1])
    layer.bias.assign([1.0, -1.0, 0.0, 0.5, 2.0])
    return layer


def per_unit(layer, values):
    """Returns a weight of the kernel's layout as [units, rest]."""
    axis = values.ndim - 2 if isinstance(layer, WeightNormConv2DTranspose) else values.ndim - 1
    return np.moveaxis(np.asarray(values, np.float64), axis, 0).reshape(5, -1)


@every_layer
def test_the_kernel_has_the_norm_of_the_gain_and_the_direction(name):
    layer = layer_of(name)
    kernel, direction = per_unit(layer, layer.kernel()), per_unit(layer, layer.direction)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=1), [0.5, 1, 2, 3, 0.1], rtol=1e-5)
    cosine = (kernel * direction).sum(axis=1) / np.linalg.norm(kernel, axis=1) / np.linalg.norm(direction, axis=1)
    np.testing.assert_allclose(cosine, 1, rtol=1e-6)


@every_layer
def test_a_plain_keras_layer_with_folded_weights_does_the_same(name):
    layer, inputs = layer_of(name), inputs_of(name)
    plain = layer.to_plain()
    plain.build(inputs.shape)
    plain.set_weights([layer.kernel(), layer.bias])
    outputs = layer(inputs)
    np.testing.assert_allclose(outputs, plain(inputs), atol=1e-5)
    assert outputs.shape == layer.compute_output_shape(inputs.shape)
    assert type(plain).__module__.startswith("keras.") and plain.name == layer.name


@every_layer
def test_calls_in_training_change_no_weight(name):
    layer, inputs = layer_of(name), inputs_of(name)
    before = layer.get_weights()
    first = layer(inputs, training=True)
    np.testing.assert_array_equal(first, layer(inputs, training=True))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@every_layer
def test_gradients_are_those_of_weight_normalisation(name):
    # arXiv:1602.07868, equation 3; the gradient of the kernel comes from the plain layer.
    layer, inputs = layer_of(name, train_gain=True), inputs_of(name)
    plain = layer.to_plain()
    plain.build(inputs.shape)
    plain.set_weights([layer.kernel(), layer.bias])
    with tf.GradientTape(persistent=True) as tape:
        loss, plain_loss = [tf.reduce_sum(tf.sin(apply(inputs))) for apply in (layer, plain)]
    into_direction, into_gain = tape.gradient(loss, [layer.direction.value, layer.gain.value])
    into_kernel = per_unit(layer, tape.gradient(plain_loss, plain.kernel.value))
    direction, into_direction = per_unit(layer, layer.direction), per_unit(layer, into_direction)
    norm = np.linalg.norm(direction, axis=1)
    expected = (into_kernel * direction).sum(axis=1) / norm
    np.testing.assert_allclose(into_gain, expected, rtol=1e-3, atol=1e-3)
    along = (into_direction * direction).sum(axis=1) / norm / np.linalg.norm(into_direction, axis=1)
    np.testing.assert_allclose(along, 0, atol=1e-4)
    scale = (np.asarray(layer.gain) / norm)[:, None]
    orthogonal = scale * (into_kernel - expected[:, None] * direction / norm[:, None])
    np.testing.assert_allclose(into_direction, orthogonal, rtol=1e-2, atol=1e-3 * np.abs(orthogonal).max())


@every_layer
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_initialisation_from_data_standardises_the_outputs(name, scale):
    layer, inputs = layer_of(name, init_scale=scale), 3 + 2 * inputs_of(name, batch=50)
    layer.initialize_from_data(inputs)
    outputs = np.asarray(layer(inputs), np.float64).reshape(-1, 5)
    np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(outputs.std(axis=0), scale, rtol=1e-3)


@every_layer
def test_the_gain_is_trained_only_on_request(name):
    assert [weight.name for weight in layer_of(name).trainable_weights] == ["direction", "bias"]
    trained = layer_of(name, train_gain=True)
    assert {weight.name for weight in trained.trainable_weights} == {"direction", "gain", "bias"}


@every_layer
def test_bfloat16_layers_keep_float32_weights(name):
    layer, inputs = layer_of(name, dtype="mixed_bfloat16"), inputs_of(name)
    outputs = layer(inputs)
    assert outputs.dtype == "bfloat16" and layer.kernel().dtype == "float32"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    np.testing.assert_allclose(tf.cast(outputs, "float32"), layer_of(name)(inputs), atol=0.1)


@every_layer
def test_the_config_makes_an_equal_layer(name):
    layer = layer_of(name, train_gain=True, init_scale=0.3, dtype="mixed_bfloat16")
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.units, again.train_gain, again.init_scale) == (5, True, 0.3)
    assert again.compute_dtype == "bfloat16" and not again.built


@every_layer
def test_a_saved_layer_is_loaded_with_equal_outputs(name, tmp_path):
    model = keras.Sequential([keras.Input(LAYERS[name][2]), layer_of(name)])
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(loaded(inputs_of(name)), model(inputs_of(name)))


@pytest.mark.parametrize("rate", [0.2, 0.5])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_dropout_drops_the_rate_and_scales_the_rest(rate, dtype):
    outputs = Dropout(rate, seed=1, dtype=dtype)(np.ones([64, 11, 7, 33], np.float32), training=True)
    kept = 1 - round(256 * rate) / 256
    values, counts = np.unique(np.asarray(tf.cast(outputs, "float32")), return_counts=True)
    np.testing.assert_allclose(values, [0, 1 / kept], rtol=2e-3)
    assert abs(counts[1] / counts.sum() - kept) < 5 * np.sqrt(kept * (1 - kept) / counts.sum())


def test_dropout_is_independent_between_values_calls_and_neighbours():
    layer = Dropout(0.5, seed=1)
    first, second = (np.asarray(layer(np.ones([100_001], np.float32), training=True)) > 0 for _ in range(2))
    for other in (second, np.roll(first, 1), np.roll(first, 4), np.roll(first, 256)):
        assert abs(np.mean(first == other) - 0.5) < 0.01


def test_the_gradient_of_dropout_is_its_mask():
    inputs = tf.random.stateless_normal([50, 40], [1, 2])
    layer = Dropout(0.2, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    np.testing.assert_allclose(tape.gradient(outputs, inputs), outputs / inputs, rtol=1e-6)


def test_dropout_does_nothing_outside_of_training_and_at_rate_0():
    inputs = np.ones([3, 5], np.float32)
    np.testing.assert_array_equal(Dropout(0.5)(inputs), inputs)
    np.testing.assert_array_equal(Dropout(0.0)(inputs, training=True), inputs)


def test_a_dropout_of_everything_is_refused():
    with pytest.raises(ValueError, match="255/256"):
        Dropout(1.0)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_noise_has_its_deviation_and_no_mean(dtype):
    inputs = np.full([64, 11, 7, 33], 0.25, np.float32)
    noise = np.asarray(tf.cast(UniformNoise(0.3, seed=1, dtype=dtype)(inputs, training=True), "float64")) - 0.25
    assert noise.std() == pytest.approx(0.3, rel=1e-2)
    assert abs(noise.mean()) < 5 * 0.3 / np.sqrt(noise.size)
    assert np.abs(noise).max() == pytest.approx(0.3 * np.sqrt(3), rel=1e-2)
    assert abs(np.corrcoef(noise.ravel()[1:], noise.ravel()[:-1])[0, 1]) < 5 / np.sqrt(noise.size)


def test_noise_differs_between_calls_and_does_nothing_outside_of_training():
    inputs, layer = np.ones([3, 5], np.float32), UniformNoise(0.3, seed=1)
    assert (layer(inputs, training=True) != layer(inputs, training=True)).numpy().any()
    np.testing.assert_array_equal(layer(inputs), inputs)
    np.testing.assert_array_equal(UniformNoise(0.0)(inputs, training=True), inputs)


@pytest.mark.parametrize("shape", [[6, 5, 4, 3], [6, 3]])
def test_batch_normalization_equals_that_of_keras(shape):
    inputs = 3 + 2 * tf.random.stateless_normal(shape, [1, 2])
    count = np.prod(shape[:-1])
    results = []
    for kind in (BatchNormalization, keras.layers.BatchNormalization):
        layer = kind(momentum=0.7)
        layer.build(shape)
        layer.gamma.assign([0.5, 1.0, 2.0])
        layer.beta.assign([1.0, -1.0, 0.0])
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
            loss = tf.reduce_sum(outputs**3)
        gradients = tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])
        new_variance = (layer.moving_variance.numpy() - 0.7) / 0.3
        results.append([new_variance, outputs, *gradients, layer.moving_mean])
    (our_variance, *ours), (their_variance, *theirs) = results
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(our_variance * (count - 1) / count, their_variance, rtol=1e-4)


def test_batch_normalization_that_is_not_trainable_keeps_its_averages():
    layer = BatchNormalization(trainable=False)
    inputs = tf.random.stateless_normal([8, 3], [1, 2])
    np.testing.assert_array_equal(layer(inputs, training=True), layer(inputs))
    np.testing.assert_array_equal(layer.moving_mean, 0)
