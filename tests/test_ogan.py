"""O-GAN: its functions by hand, and the discriminator that encodes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssgan
from ssgan import terms
from ssgan.classifier import logits_of, to_classifier
from ssgan.errors import UsageError
from ssgan.gan import to_unit_range
from ssgan.inputs import Batch
from ssgan.models import Discriminator, Generator
from ssgan.options import Config
from ssgan.terms import correlation, gan_logits, standardized
from ssgan.terms.ogan import check_codes
from ssgan.training import build
from tests.test_gan import make_batch, make_gan, step

CODES = np.random.default_rng(0).normal(3, 2, (4, 6))
NOISE = np.random.default_rng(1).normal(size=(4, 6))
PIXELS = np.random.default_rng(2).integers(0, 256, (5, 16, 16, 1)).astype(np.uint8)


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


def by_hand(noise, codes):
    return np.array([np.corrcoef(one, other)[0, 1] for one, other in zip(noise, codes, strict=True)])


def test_the_values_of_one_code():
    # e = (1, 2, 6): mean 3, variance 14/3; z = (0, 1, 2): rho = 5 / sqrt(2 * 14).
    code, noise = np.array([[1.0, 2.0, 6.0]]), np.array([[0.0, 1.0, 2.0]])
    np.testing.assert_allclose(standardized(code), (code - 3) / 2.160247, rtol=1e-6)
    assert float(correlation(noise, code)[0]) == pytest.approx(0.944911, abs=1e-6)


def test_correlation_is_pearson_s_and_says_how_far_the_standardised_codes_are_apart():
    rho = correlation(NOISE, CODES)
    assert rho.dtype == tf.float32
    np.testing.assert_allclose(rho, by_hand(NOISE, CODES), rtol=1e-4)
    distances = np.sum(np.square(standardized(NOISE) - standardized(CODES)), axis=1)
    np.testing.assert_allclose(distances, 2 * 6 * (1 - rho), rtol=1e-4)
    np.testing.assert_allclose(correlation(NOISE, 3 - 2 * CODES), -rho, rtol=1e-4)


def test_the_gradient_of_the_correlation_leaves_the_mean_alone():
    codes = tf.constant(CODES, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(codes)
        loss = tf.reduce_sum(correlation(NOISE, codes) * [1.0, -2.0, 0.5, 3.0])
    gradient = tape.gradient(loss, codes).numpy()
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-6)
    for index in np.ndindex(*CODES.shape):
        change = np.zeros_like(CODES)
        change[index] = 1e-6
        slope = (by_hand(NOISE, CODES + change) - by_hand(NOISE, CODES - change)) @ [1.0, -2.0, 0.5, 3.0] / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_a_constant_code_has_no_correlation_and_a_finite_gradient():
    codes = tf.ones([2, 5])
    with tf.GradientTape() as tape:
        tape.watch(codes)
        rho = correlation(NOISE[:2, :5], codes)
    np.testing.assert_array_equal(rho, 0)
    assert np.isfinite(tape.gradient(rho, codes)).all()


def test_bfloat16_codes_are_taken_in_float32():
    rho = correlation(tf.cast(NOISE, "bfloat16"), tf.cast(CODES, "bfloat16"))
    assert rho.dtype == tf.float32
    np.testing.assert_allclose(rho, by_hand(NOISE, CODES), atol=0.02)


def encoder_of(encoding=6, **options) -> Discriminator:
    network = Discriminator(3, arch="tiny", encoding=encoding, **options)
    network.build((None, 16, 16, 1))
    network.initialize_from_data(to_unit_range(PIXELS))
    return network


def test_the_gan_logit_is_the_mean_of_the_code_and_the_classes_are_free_of_it():
    network = encoder_of(dtype="mixed_bfloat16")
    logits, features = network(to_unit_range(PIXELS))
    codes = network.encode(features)
    assert codes.shape == (5, 6) and codes.dtype == logits.dtype == tf.float32
    np.testing.assert_allclose(gan_logits(logits), np.mean(codes, axis=1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(keras.ops.softmax(logits), keras.ops.softmax(network.head(features)), atol=1e-6)
    network.encoder.bias.assign(network.encoder.bias + 2.0)
    moved, _ = network(to_unit_range(PIXELS))
    np.testing.assert_allclose(moved, logits + 2, rtol=1e-4, atol=1e-4)


def test_the_score_trains_the_encoder_and_not_the_class_head():
    network = encoder_of()
    variables = [network.encoder.kernel, network.head.direction]
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(gan_logits(network(to_unit_range(PIXELS))[0]))
    into_encoder, into_head = tape.gradient(score, [variable.value for variable in variables])
    assert np.abs(into_encoder).max() > 1e-3
    np.testing.assert_allclose(into_head, 0, atol=1e-4)


def test_it_is_saved_and_exported_with_both_logits(tmp_path):
    network = encoder_of()
    logits, _ = network(to_unit_range(PIXELS))
    network.save(tmp_path / "discriminator.keras")
    loaded = keras.models.load_model(tmp_path / "discriminator.keras")
    assert loaded.get_config() == network.get_config() and loaded.encoding == 6
    np.testing.assert_array_equal(loaded(to_unit_range(PIXELS))[0], logits)
    to_classifier(network).save(tmp_path / "classifier.keras")
    classifier = ssgan.load_classifier(tmp_path / "classifier.keras")
    np.testing.assert_allclose(classifier(PIXELS), keras.ops.softmax(logits), atol=1e-5)
    np.testing.assert_allclose(logits_of(classifier)(PIXELS), logits, rtol=1e-4, atol=1e-4)
    assert classifier.get_layer("logits").output.shape == (None, 3)


def test_without_an_encoding_there_are_no_codes():
    network = Discriminator(3, arch="tiny")
    network.build((None, 16, 16, 1))
    assert "encoder" not in {layer.name for layer in network.layers}
    with pytest.raises(ValueError, match="encoding=0: this discriminator gives no codes"):
        network.encode(tf.zeros([2, 128]))


@pytest.mark.parametrize("encoding", [-1, 1, 2])
def test_codes_without_freedom_are_refused(encoding):
    with pytest.raises(ValueError, match=f"encoding={encoding}: expected at least 3, .*, or 0"):
        Discriminator(3, encoding=encoding)


def test_noise_that_cannot_be_a_code_is_refused():
    generator = Generator((16, 16, 1), width=1, latent_dim=6, latent="normal")
    check_codes(Discriminator(3, encoding=6), generator)
    with pytest.raises(UsageError, match="encoding=5 and the generator's latent_dim=6"):
        check_codes(Discriminator(3, encoding=5), generator)
    with pytest.raises(UsageError, match="latent='uniform'; .* expected latent='normal'"):
        check_codes(Discriminator(3, encoding=6), Generator((16, 16, 1), width=1, latent_dim=6))


def encoding_gan(*, num_classes=0, weight=0.5) -> ssgan.SSGAN:
    generator = Generator((16, 16, 1), width=2, latent_dim=6, latent="normal", num_classes=num_classes)
    gan = ssgan.SSGAN(Discriminator(3, arch="tiny", encoding=6), generator)
    gan.compile(
        keras.optimizers.Adam(1e-3),
        keras.optimizers.Adam(1e-3),
        d_terms=[terms.Supervised(), terms.Adversarial(), terms.CodeCorrelation(weight)],
        g_terms=[terms.GeneratorAdversarial(), terms.GeneratorCodeCorrelation(weight)],
        generated_batch=8,
    )
    return gan


def test_the_term_is_less_the_mean_correlation_of_codes_and_noise():
    gan = encoding_gan()
    images, labels, _ = make_batch()
    found = gan.discriminate(Batch(labeled=images, labels=labels, unlabeled=images), gan.draw(), gan.d_terms)
    codes = gan.discriminator.encode(found.generated.features).numpy()
    expected = -np.mean(by_hand(found.generated.noise.numpy(), codes))
    for term in (terms.CodeCorrelation(), terms.GeneratorCodeCorrelation()):
        assert term(found, gan.discriminator).numpy() == pytest.approx(expected, abs=1e-5)


def test_both_networks_are_trained_by_it():
    ends = []
    for weight in (0.0, 0.5):
        keras.utils.set_random_seed(0)
        gan = encoding_gan(weight=weight)
        step(gan, make_batch())
        ends.append([gan.discriminator.encoder.kernel.numpy(), gan.generator.to_pixels.direction.numpy()])
    assert all(np.abs(one - other).max() > 1e-6 for one, other in zip(*ends, strict=True))


def test_images_are_encoded_and_reconstructed_by_the_averages():
    gan = encoding_gan(num_classes=3)
    noise = gan.encode(PIXELS).numpy()
    np.testing.assert_allclose(noise.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(noise.std(axis=1), 1, rtol=1e-4)
    _, features = gan.ema_discriminator(to_unit_range(PIXELS))
    np.testing.assert_allclose(noise, standardized(gan.ema_discriminator.encode(features)), rtol=1e-4, atol=1e-5)
    classes = np.asarray(gan(PIXELS)).argmax(axis=1)
    drawn = gan.ema_generator((noise, classes), training=False)
    np.testing.assert_allclose(gan.reconstruct(PIXELS), (np.asarray(drawn) + 1) * 127.5, rtol=1e-4, atol=1e-3)


def test_only_a_discriminator_that_encodes_has_codes():
    with pytest.raises(UsageError, match="CodeCorrelation needs a discriminator that encodes"):
        make_gan(d_terms=[terms.Supervised(), terms.CodeCorrelation()])
    with pytest.raises(UsageError, match="the discriminator does not encode"):
        make_gan().encode(PIXELS)


def test_the_option_makes_encoder_and_terms():
    config = Config(encoder_weight=0.5, gan_weight=0.1, latent_dim=7, arch="tiny", precision="float32")
    gan = build.build(config, image_shape=(16, 16, 1), num_classes=3, steps=1)
    assert gan.discriminator.encoding == 7
    assert [term.weight for term in (gan.d_terms[2], gan.g_terms[-1])] == [0.025, 0.5]  # half of the GAN's tenth
    with pytest.raises(UsageError, match="--encoder_weight=0.5 and --latent=uniform and --latent_dim=100: O-GAN"):
        Config(encoder_weight=0.5, latent="uniform")
