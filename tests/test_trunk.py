"""Any Keras model as the trunk of the discriminator: it trains, is averaged, saved, resumed and exported."""

import keras
import numpy as np
import pytest
from keras import layers

import ssgan
from ssgan.classifier import to_classifier
from ssgan.errors import UsageError
from ssgan.gan import SSGAN, to_unit_range
from ssgan.models import Discriminator, Generator
from tests.test_gan import make_batch, same, step

SHAPE = (32, 32, 3)


def small_trunk() -> keras.Model:
    """Returns a trunk whose output is a vector, with everything in it that does something else in training."""
    images = keras.Input(SHAPE)
    maps = layers.Conv2D(4, 3, strides=4, kernel_initializer="he_normal", kernel_regularizer="l2")(images)
    noise = layers.Dropout(0.3), layers.GaussianDropout(0.3), layers.SpatialDropout2D(0.3)
    inner = keras.Sequential([keras.Input(maps.shape[1:]), layers.BatchNormalization(), *noise])
    return keras.Model(images, layers.GlobalAveragePooling2D()(layers.GaussianNoise(0.1)(inner(maps))))


def mobile_net() -> keras.Model:
    return keras.applications.MobileNetV3Small(SHAPE, include_top=False, weights=None, include_preprocessing=False)


def make_gan(trunk: keras.Model) -> SSGAN:
    keras.utils.set_random_seed(0)
    gan = SSGAN(Discriminator(3, trunk=trunk), Generator(SHAPE, width=1, latent_dim=4))
    gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), generated_batch=4)
    return gan


def batch():
    images, labels, mask = make_batch()
    return np.tile(images, (1, 2, 2, 3)), labels, mask


def test_a_network_of_keras_applications_trains_and_is_exported():
    gan = make_gan(mobile_net())
    assert gan.discriminator.has_batch_statistics
    gan.initialize_from_data(batch()[0])
    before = [[weight.numpy() for weight in network.weights] for network in (gan.discriminator, gan.ema_discriminator)]
    logs = step(gan, batch())
    assert np.isfinite(float(logs["loss"])) and float(logs["g_loss"]) > 0
    for network, weights in zip((gan.discriminator, gan.ema_discriminator), before, strict=True):
        assert not same(weights, [weight.numpy() for weight in network.weights])
    images = batch()[0]
    classifier = to_classifier(gan.ema_discriminator)
    np.testing.assert_allclose(classifier(images), gan.predict(images, verbose=0), atol=1e-5)


@pytest.fixture(scope="module")
def gan() -> SSGAN:
    gan = make_gan(small_trunk())
    for _ in range(2):
        step(gan, batch())
    return gan


def test_a_batch_norm_inside_it_is_noticed(gan):
    assert gan.discriminator.has_batch_statistics
    assert not Discriminator(3, trunk=keras.Sequential([layers.Flatten()])).has_batch_statistics


def test_a_frozen_batch_norm_mixes_no_images():
    norm = layers.BatchNormalization(trainable=False)
    assert not Discriminator(3, trunk=keras.Sequential([layers.Flatten(), norm])).has_batch_statistics


def test_the_regularisers_of_its_weights_are_part_of_the_loss():
    kernels, losses = [], []
    for regularizer in (None, keras.regularizers.L2(3.0)):
        conv = layers.Conv2D(4, 3, strides=4, kernel_regularizer=regularizer)
        trunk = keras.Sequential([keras.Input(SHAPE), conv])
        conv.kernel.assign(np.random.RandomState(1).normal(0.0, 0.1, conv.kernel.shape))
        gan = make_gan(trunk)
        before = conv.kernel.numpy()
        losses.append(float(step(gan, batch())["d_loss"]))
        kernels.append(conv.kernel.numpy())
    np.testing.assert_allclose(kernels[0] - kernels[1], 0.01 * 2 * 3.0 * before, atol=1e-6)
    assert losses[1] - losses[0] == pytest.approx(3.0 * np.square(before).sum(), rel=1e-4)


def test_weight_normalised_layers_of_a_sequential_one_are_initialised_from_data():
    conv = ssgan.layers.WeightNormConv2D(4, 3)
    network = Discriminator(3, trunk=keras.Sequential([keras.Sequential([layers.Dropout(0.2), conv]), layers.ReLU()]))
    images = to_unit_range(batch()[0])
    network.build(images.shape)
    before = conv.gain.numpy()
    network.initialize_from_data(images)
    assert np.abs(conv.gain.numpy() - before).min() > 1e-3


def test_what_keras_cannot_make_anew_is_refused_in_words():
    trunk = keras.Sequential([keras.Input(SHAPE), layers.Lambda(lambda images: 2 * images), layers.Conv2D(4, 3)])
    with pytest.raises(UsageError, match="cannot be made anew from its config.* without a Lambda"):
        SSGAN(Discriminator(3, trunk=trunk), Generator(SHAPE, width=1, latent_dim=4))


def test_it_is_saved_and_loaded(gan, tmp_path):
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    images = batch()[0]
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), gan.predict(images, verbose=0))
    step(loaded, batch())


def test_it_is_resumed(gan):
    other = make_gan(small_trunk())
    other.restore({name: np.asarray(value) for name, value in gan.state().items()})
    assert same([v.numpy() for v in gan.discriminator.weights], [v.numpy() for v in other.discriminator.weights])


def test_its_classifier_is_the_same_in_training_and_can_be_loaded(gan, tmp_path):
    classifier = to_classifier(gan.ema_discriminator)
    images = batch()[0]
    expected = keras.ops.softmax(gan.ema_discriminator(to_unit_range(images))[0])
    for training in (False, True):
        np.testing.assert_allclose(classifier(images, training=training), expected, atol=1e-5)
    classifier.save(tmp_path / "classifier.keras")
    np.testing.assert_allclose(ssgan.load_classifier(tmp_path / "classifier.keras")(images), expected, atol=1e-5)


def test_outputs_that_are_no_feature_map_and_no_vector_are_refused():
    tokens = keras.Sequential([keras.Input(SHAPE), layers.Reshape((32, 96))])
    with pytest.raises(ValueError, match="expected a feature map or a vector"):
        Discriminator(3, trunk=tokens).build((None, *SHAPE))


def test_a_trunk_into_which_one_cannot_look_is_not_exported():
    class Own(keras.Model):
        def call(self, images):
            return images[:, 0, 0]

        def compute_output_shape(self, shape):
            return shape[0], shape[3]

    discriminator = Discriminator(3, trunk=Own())
    discriminator.build((None, *SHAPE))
    with pytest.raises(ValueError, match="the trunk is a Own; expected a functional or sequential Keras model"):
        to_classifier(discriminator, SHAPE)
