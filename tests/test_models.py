import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from ssgan.errors import UsageError
from ssgan.layers import BatchNormalization, WeightNormalized, WeightNormConv2D
from ssgan.models import ARCHITECTURES, Discriminator, Generator

# Convolutions as (filters, kernel, stride, padding), and Dropout rates, of arXiv:1606.03498 and of the article.
PAPER_64 = [
    *(0.2, (64, 3, 1, "same"), (64, 3, 1, "same"), (64, 3, 2, "same")),
    *(0.5, (128, 3, 1, "same"), (128, 3, 1, "same"), (128, 3, 2, "same")),
    *(0.5, (128, 3, 1, "valid"), (128, 1, 1, "same"), (128, 1, 1, "same")),
]
LAYERS = {
    "paper_svhn": PAPER_64,
    "paper_cifar": [entry if isinstance(entry, float) else (entry[0] * 3 // 2, *entry[1:]) for entry in PAPER_64],
    "article": [
        *(0.2, (64, 3, 2, "same"), 0.5, (64, 3, 2, "same"), (64, 3, 2, "same")),
        *(0.5, (128, 3, 1, "same"), (128, 3, 1, "same"), (128, 3, 2, "same"), 0.5, (128, 3, 1, "same")),
    ],
}
# Weights for 3 channels and 10 classes. A weight-normalised layer has a gain and a bias per channel, a batch norm has
# four numbers per channel.
WEIGHTS = {
    "small": 928 + 18_560 + 36_992 + 73_984 + 147_712 + 16_640 + 1_300,
    "tiny": 1_232 + 4_672 + 18_560 + 36_992 + 73_984 + 16_640 + 1_300,
    "paper_svhn": 1_856 + 2 * 36_992 + 73_984 + 3 * 147_712 + 2 * 16_640 + 1_300,
    "paper_cifar": 2_784 + 2 * 83_136 + 166_272 + 3 * 332_160 + 2 * 37_248 + 1_940,
    "article": 1_792 + 2 * (36_928 + 256) + (73_856 + 512) + 2 * (147_584 + 512) + 147_584 + 1_300,
}
every_arch = pytest.mark.parametrize("arch", list(ARCHITECTURES))


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


def images_of(size, channels=3, batch=2):
    return np.random.default_rng(0).uniform(-1, 1, (batch, size, size, channels)).astype(np.float32)


def noise_of(batch=2, size=100):
    return np.random.default_rng(0).uniform(0, 1, (batch, size)).astype(np.float32)


def built(network, size=32):
    network.build((None, size, size, 3))
    return network


def structure(network):
    """Returns the convolutions and dropouts of a trunk, as in the table above."""
    found = []
    for layer in network.trunk:
        if isinstance(layer, layers.Dropout):
            found.append(layer.rate)
        elif isinstance(layer, WeightNormConv2D):
            found.append((layer.units, layer.kernel_size, layer.strides, layer.padding))
        elif isinstance(layer, layers.Conv2D):
            found.append((layer.filters, layer.kernel_size[0], layer.strides[0], layer.padding))
    return found


@every_arch
@pytest.mark.parametrize(("size", "channels"), [(16, 3), (28, 1), (32, 3), (64, 1)])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_logits_and_features(arch, size, channels, dtype):
    network = Discriminator(7, arch=arch, dtype=dtype)
    logits, features = network(images_of(size, channels))
    width = 192 if arch == "paper_cifar" else 128
    assert logits.shape == (2, 7) and features.shape == (2, width)
    assert logits.dtype == features.dtype == tf.float32
    assert {weight.dtype for weight in network.weights if "seed" not in weight.path} == {"float32"}
    assert np.isfinite(logits).all() and np.ptp(features, axis=0).any()
    np.testing.assert_allclose(logits, network.head(features), rtol=1e-6)


def test_images_need_not_be_square():
    logits, _ = Discriminator(3)(np.zeros((2, 16, 40, 1), np.float32))
    assert logits.shape == (2, 3)


@pytest.mark.parametrize("arch", ["paper_svhn", "paper_cifar"])
def test_sides_that_differ_too_much_for_an_architecture_are_refused_in_words(arch):
    assert Discriminator(3, arch=arch)(np.zeros((1, 32, 64, 1), np.float32))[0].shape == (1, 3)
    Discriminator(3, arch=arch, halvings=0)(np.zeros((1, 16, 64, 1), np.float32))
    with pytest.raises(UsageError, match="the shorter side is halved"):
        Discriminator(3, arch=arch, halvings=3)(np.zeros((1, 32, 32, 1), np.float32))
    for shape in ((1, 16, 40, 1), (1, 128, 32, 3)):
        with pytest.raises(UsageError, match=f"--arch={arch} and images of .* the shorter side is halved to less than"):
            Discriminator(3, arch=arch)(np.zeros(shape, np.float32))


@pytest.mark.parametrize(("pooling", "reduce"), [("average", np.mean), ("max", np.max)])
def test_features_are_pooled_over_the_last_map(pooling, reduce):
    network = Discriminator(3, pooling=pooling)
    maps = images = images_of(32)
    _, features = network(images)
    for layer in network.trunk:
        maps = layer(maps)
    np.testing.assert_allclose(features, reduce(maps.numpy(), axis=(1, 2)), atol=1e-5)


@pytest.mark.parametrize(
    "shape", [(8, 32, 3), (32, 15, 3), (129, 32, 1), (32, 32, 2), (32, 32, 4), (None, 32, 3), (32, 3)]
)
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected \[batch, 16..128, 16..128, 1 or 3\]"):
        Discriminator(10).build((None, *shape))


def test_images_of_another_shape_are_refused_in_a_call():
    with pytest.raises(ValueError, match=r"images of shape \(2, 8, 8, 3\): expected"):
        Discriminator(10)(images_of(8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes=0: expected at least 2, or 1 for a plain GAN"),
        (
            {"num_classes": 10, "arch": "huge"},
            "arch='huge': expected one of small, tiny, paper_svhn, paper_cifar, article",
        ),
        ({"num_classes": 10, "trunk": "resnet"}, "trunk='resnet': expected a Keras model"),
        ({"num_classes": 10, "pooling": "median"}, "pooling='median': expected one of average, max"),
    ],
)
def test_unknown_networks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Discriminator(**arguments)


@every_arch
def test_the_number_of_weights(arch):
    network = Discriminator(10, arch=arch)
    network.build((None, 32, 32, 3))
    assert network.count_params() == WEIGHTS[arch]


@pytest.mark.parametrize("arch", list(LAYERS))
def test_the_layers_are_those_of_the_source(arch):
    assert structure(Discriminator(10, arch=arch)) == LAYERS[arch]


@pytest.mark.parametrize("arch", ["small", "paper_svhn", "paper_cifar"])
def test_weight_normalised_networks_use_no_batch_statistics(arch):
    network = Discriminator(10, arch=arch)
    assert not network.has_batch_statistics
    assert [layer.train_gain for layer in network.trunk if isinstance(layer, WeightNormalized)].count(True) == 0
    assert network.head.train_gain and network.head.init_scale == 0.1


def test_the_first_and_last_convolutions_of_the_article_have_no_batch_norm():
    network = Discriminator(10, arch="article")
    kinds = [type(layer) for layer in network.trunk if not isinstance(layer, layers.Dropout)]
    conv, norm, activation = layers.Conv2D, BatchNormalization, layers.LeakyReLU
    assert kinds == [conv, activation, *[conv, norm, activation] * 5, conv, activation]
    assert network.has_batch_statistics


@every_arch
def test_leaky_relu_follows_every_convolution(arch):
    slopes = [layer.negative_slope for layer in ARCHITECTURES[arch]("float32") if isinstance(layer, layers.LeakyReLU)]
    assert slopes == [0.2] * sum(1 for entry in structure(Discriminator(2, arch=arch)) if isinstance(entry, tuple))


@every_arch
def test_inference_is_deterministic_and_one_image_at_a_time(arch):
    network, images = Discriminator(10, arch=arch), images_of(16, batch=3)
    logits, _ = network(images)
    np.testing.assert_array_equal(logits, network(images, training=False)[0])
    np.testing.assert_allclose(logits[1:2], network(images[1:2])[0], atol=1e-5)
    assert (network(images, training=True)[0].numpy() != network(images, training=True)[0].numpy()).any()


def test_initialisation_from_data_standardises_every_layer():
    network, images = Discriminator(10), images_of(16, batch=100)
    network(images)
    without_dropout = [layer for layer in network.trunk if not isinstance(layer, layers.Dropout)]
    network.trunk[:] = without_dropout
    network.initialize_from_data(images)
    outputs = images
    for layer in [*without_dropout, network.pool, network.head]:
        outputs = layer(outputs)
        if isinstance(layer, WeightNormalized):
            values = outputs.numpy().reshape(-1, layer.units)
            np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-3)
            np.testing.assert_allclose(values.std(axis=0), layer.init_scale, rtol=1e-2)


@every_arch
def test_a_saved_discriminator_gives_equal_outputs(arch, tmp_path):
    network = Discriminator(4, arch=arch, pooling="max", dtype="mixed_bfloat16", name="judge")
    images = images_of(16)
    network(images, training=True)
    network.save(tmp_path / "discriminator.keras")
    loaded = keras.models.load_model(tmp_path / "discriminator.keras")
    assert loaded.get_config() == network.get_config()
    for found, expected in zip(loaded(images), network(images), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_config_makes_an_equal_discriminator():
    config = {"num_classes": 4, "arch": "paper_svhn", "pooling": "max", "normalization": "spectral", "halvings": 1}
    config |= {"minibatch_features": 6, "encoding": 5, "dtype": "mixed_bfloat16", "name": "judge"}
    config |= {"input_noise": 0.1, "hidden_noise": 0.2, "dropout": 0.3, "weight_noise": 0.4}
    assert Discriminator.from_config(config).get_config() == config


@pytest.mark.parametrize(("size", "halvings"), [(16, 0), (32, 0), (33, 1), (64, 1), (65, 2), (128, 2)])
def test_images_above_32_pixels_are_halved_first(size, halvings):
    network = built(Discriminator(10), size)
    assert network.halvings == halvings and network.get_config()["halvings"] == halvings
    assert structure(network) == [(32, 3, 2, "same")] * halvings + structure(Discriminator(10))
    assert Generator((size, size, 3), width=1).levels == 3 + halvings


@pytest.mark.parametrize("arch", ["small", "tiny", "paper_svhn", "paper_cifar", "article"])
def test_images_are_halved_by_as_many_filters_as_the_first_convolution_has(arch):
    networks = Discriminator(10, arch=arch), built(Discriminator(10, arch=arch), 64)
    whole, halved = ([one for one in structure(network) if isinstance(one, tuple)] for network in networks)
    assert halved == [(whole[0][0], 3, 2, "same"), *whole]


def test_networks_of_earlier_versions_are_made_as_they_were():
    network = Discriminator.from_config({"num_classes": 10, "arch": "small", "pooling": "max"})
    assert structure(built(network, 64)) == structure(Discriminator(10))
    generator = Generator.from_config({"image_shape": (64, 64, 3), "width": 2, "latent_dim": 5})
    generator.build((None, 5))
    filters = [layer.filters for layer in generator.stack if isinstance(layer, layers.Conv2DTranspose)]
    assert generator.levels == 3 and filters == [4, 2]


@pytest.mark.parametrize("shape", [(16, 16, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3), (20, 36, 1)])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_generated_images(shape, dtype):
    generator = Generator(shape, width=8, dtype=dtype)
    images = generator(noise_of(), training=True)
    assert images.shape == (2, *shape) and images.dtype == tf.float32
    assert np.abs(images).max() <= 1 and (images[0].numpy() != images[1].numpy()).any()


def test_generated_images_lie_within_the_range():
    generator = Generator((32, 32, 3), width=8)
    generator.build((None, 100))
    generator.to_pixels.gain.assign([100.0] * 3)
    images = generator(noise_of(), training=True).numpy()
    assert -1 <= images.min() < -0.99 and 0.99 < images.max() <= 1


def test_images_of_28_pixels_are_cropped_from_32():
    small, large = Generator((28, 28, 1), width=8), Generator((32, 32, 1), width=8)
    for network in (small, large):
        network.build((None, 100))
    large.set_weights(small.get_weights())
    np.testing.assert_array_equal(small(noise_of()), large(noise_of())[:, :28, :28])


@pytest.mark.parametrize("shape", [(8, 32, 3), (32, 129, 3), (32, 32, 2), (32, 32)])
def test_generators_of_other_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"image_shape=.*: expected \(16..128, 16..128, 1 or 3\)"):
        Generator(shape)


def test_the_generator_of_the_paper():
    generator = Generator((32, 32, 3), width=128)
    generator.build((None, 100))
    dense, upper, lower = 100 * 8192 + 4 * 8192, 25 * 512 * 256 + 4 * 256, 25 * 256 * 128 + 4 * 128
    assert generator.count_params() == dense + upper + lower + 25 * 128 * 3 + 3 + 3
    assert generator.to_pixels.train_gain


def test_generation_is_deterministic_outside_of_training():
    generator = Generator((16, 16, 1), width=8)
    images = generator(noise_of(3))
    np.testing.assert_array_equal(images, generator(noise_of(3), training=False))
    np.testing.assert_allclose(images[1:2], generator(noise_of(3)[1:2]), atol=1e-6)
    assert np.abs(generator(noise_of(3), training=True) - images).max() > 1e-3


def test_initialisation_of_the_generator_standardises_its_pixels():
    generator = Generator((32, 32, 3), width=8)
    generator(noise_of(50))
    generator.initialize_from_data(noise_of(50))
    before_tanh = np.arctanh(generator(noise_of(50), training=True)).reshape(-1, 3)
    np.testing.assert_allclose(before_tanh.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(before_tanh.std(axis=0), 0.1, rtol=1e-2)


def test_a_saved_generator_gives_equal_images(tmp_path):
    generator = Generator((28, 28, 1), width=8, latent_dim=5, dtype="mixed_bfloat16")
    generator(noise_of(4, size=5), training=True)
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    assert loaded.get_config() == generator.get_config()
    np.testing.assert_array_equal(loaded(noise_of(4, size=5)), generator(noise_of(4, size=5)))


def test_the_config_makes_an_equal_generator():
    config = {"image_shape": (28, 28, 1), "width": 8, "latent_dim": 5, "levels": 2}
    config |= {"latent": "normal", "num_classes": 3, "design": "resize", "normalization": "virtual"}
    config |= {"dtype": "mixed_bfloat16", "name": "painter"}
    assert Generator.from_config(config).get_config() == config
