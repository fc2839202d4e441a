"""Whole train steps against float64 arithmetic by hand, for every option of `compile`: to ignore one turns a test red.

Both networks are linear here, so that every gradient can be written down: the discriminator's features are the means of
the four quarters of an image, times a gain; its logits are linear in them; the generator is one matrix. Dropout, shift
and augmentation are stand-ins without chance: in training, features and generated images are larger by a factor; a
shift adds to every pixel, a flip multiplies it, an augmentation scales it.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.augment import AUGMENT
from ssgan.gan import SSGAN
from tests.terms_of import split

SIZE, CLASSES, LATENT = 16, 3, 5
LABELED, UNLABELED, GENERATED = 4, 6, 5
RATE, EMA_DECAY = 0.3, 0.5
QUARTERS = np.zeros((SIZE, SIZE, 4))
for quarter in range(4):
    QUARTERS[8 * (quarter // 2) :, 8 * (quarter % 2) :, quarter][:8, :8] = 1 / 64
QUARTERS = QUARTERS.reshape(SIZE * SIZE, 4)
RANDOM = np.random.RandomState(0)
NOISE = RANDOM.uniform(size=(2 * GENERATED, LATENT)).astype(np.float32)
PROBE = RANDOM.normal(size=(LABELED + UNLABELED + GENERATED, SIZE, SIZE, 1)).astype(np.float32)
D_TRAINING, G_TRAINING = 1.25, 0.8  # the factors
SHIFT, STRENGTH = 0.05, 0.7  # what a pixel gains per pixel of shift, and is multiplied by under "color"
FLIPPED = 0.9  # what a pixel is multiplied by in a flip


@keras.saving.register_keras_serializable("tests")
class LinearDiscriminator(keras.Model):
    num_classes, has_batch_statistics, minibatch_features, encoding, weight_noise = CLASSES, False, 0, 0, 0.0

    def build(self, _):
        self.gain = self.add_weight(name="gain", shape=(4,), initializer="ones")
        self.kernel = self.add_weight(name="kernel", shape=(4, CLASSES), initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=(CLASSES,), initializer="zeros")

    def call(self, images, training=False):
        means = tf.reshape(images, [-1, SIZE * SIZE]) @ tf.constant(QUARTERS, tf.float32)
        features = means * self.gain * (D_TRAINING if training else 1.0)
        return features @ self.kernel + self.bias, features

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable("tests")
class LinearGenerator(keras.Model):
    image_shape, latent_dim = (SIZE, SIZE, 1), LATENT

    def __init__(self, *, num_classes=0, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def build(self, _):
        shape = (LATENT + self.num_classes, SIZE * SIZE)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="zeros")

    def call(self, inputs, training=False):
        if self.num_classes:
            noise, classes = inputs
            inputs = tf.concat([noise, tf.one_hot(classes, self.num_classes)], axis=1)
        return tf.reshape(inputs @ self.kernel, [-1, SIZE, SIZE, 1]) * (G_TRAINING if training else 1.0)

    def get_config(self):
        return {"name": self.name, "num_classes": self.num_classes}


@pytest.fixture(autouse=True)
def _without_chance(monkeypatch):
    monkeypatch.setattr("ssgan.augment.views.random_shift", lambda images, seed, *, pixels: images + SHIFT * pixels)
    monkeypatch.setattr("ssgan.augment.views.random_flip", lambda images, seed: FLIPPED * images)
    monkeypatch.setitem(AUGMENT, "color", lambda images, seed: STRENGTH * images)
    monkeypatch.setattr(keras.random, "normal", lambda shape, seed: tf.constant(PROBE[: shape[0]]))


WEIGHTS = {
    "gain": RANDOM.uniform(0.5, 1.5, 4),
    "kernel": RANDOM.normal(size=(4, CLASSES)) * 3,
    "bias": RANDOM.normal(size=CLASSES),
    "generator": RANDOM.normal(size=(LATENT, SIZE * SIZE)) * 0.5,
}
OF_CLASSES = RANDOM.normal(size=(CLASSES, SIZE * SIZE)) * 0.5
CONDITION = np.array([2, 0, 2, 0, 1])  # of the generated images


def make_gan(*, conditional=False, **options) -> SSGAN:
    generator = LinearGenerator(num_classes=CLASSES if conditional else 0)
    gan = SSGAN(LinearDiscriminator(), generator, ema_decay=EMA_DECAY)
    for variable, name in zip(gan.discriminator.variables, ("gain", "kernel", "bias"), strict=True):
        variable.assign(WEIGHTS[name])
    gan.generator.kernel.assign(np.concatenate([WEIGHTS["generator"], *([OF_CLASSES] if conditional else [])]))
    gan.reset_ema()
    gan.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE / 2), generated_batch=GENERATED, **split(options))
    draws = iter(np.split(np.tile(NOISE, (20, 1)), 40))
    gan.noise = lambda: tf.constant(next(draws))
    gan.classes = lambda: tf.constant(CONDITION, tf.int32)
    return gan


def make_batch(*, updates="simultaneous", labeled=LABELED, unlabeled=UNLABELED):
    rows = labeled + unlabeled + (GENERATED if updates == "alternating" else 0)
    random = np.random.RandomState(5)
    # Quarters of different brightness, so that some predictions are confident and others are not.
    levels = random.randint(20, 236, (rows, 2, 1, 2, 1, 1))
    images = (levels + random.randint(-19, 20, (rows, 2, 8, 2, 8, 1))).reshape(rows, SIZE, SIZE, 1)
    mask = np.arange(rows) < labeled
    labels = np.where(mask, random.randint(0, CLASSES, rows), -1)
    return images.astype(np.uint8), labels.astype(np.int32), mask


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def one_hot(labels):
    return np.eye(CLASSES)[labels]


class ByHand:
    """The same model in float64: arXiv:1606.03498, sections 3.1, 3.4 and 5; 2001.07685; 1704.03976."""

    defaults = {
        "updates": "simultaneous",
        "d_steps": 1,
        "unlabeled_start": 0,
        "gan_every": 1,
        "gan_weight": 1.0,
        "label_smoothing": 0.0,
        "gan_views": "strong",
        "conditional": False,
        "feature_matching_weight": 1.0,
        "feature_matching": "l1",
        "generated_class_weight": 0.0,
        "mode_seeking_weight": 0.0,
        "flip": "no",
        "shift": 0,
        "augment": "none",
        "pseudo_label_weight": 0.0,
        "pseudo_label_threshold": 0.95,
        "vat_weight": 0.0,
        "vat_radius": 0.05,
        "generated_labels": 0.0,
        "generated_labels_start": 0,
    }

    def __init__(self, **options):
        self.weights = {name: value.astype(np.float32).astype(np.float64) for name, value in WEIGHTS.items()}
        self.options = {**self.defaults, **options}
        if self.options["conditional"]:
            self.weights["generator"] = np.concatenate([self.weights["generator"], OF_CLASSES])
        self.average = dict(self.weights)
        self.steps, self.draws, self.updates = 0, 0, 0

    def weak(self, images):
        return self.flip * images + SHIFT * self.options["shift"]

    @property
    def flip(self):
        return FLIPPED if self.options["flip"] == "yes" else 1.0

    @property
    def strength(self):
        return STRENGTH if self.options["augment"] == "color" else 1.0

    def strong(self, images):
        return self.weak(images) * self.strength

    def as_the_gan_sees(self, images):
        return self.weak(images) if self.options["gan_views"] == "weak" else self.strong(images)

    def predict(self, images, *, training=True):
        means = images @ QUARTERS
        features = means * self.weights["gain"] * (D_TRAINING if training else 1.0)
        return features @ self.weights["kernel"] + self.weights["bias"], features

    def generate(self):
        noise = np.split(NOISE.astype(np.float64), 2)[self.draws % 2]
        self.draws += 1
        inputs = np.concatenate([noise, one_hot(CONDITION)], axis=1) if self.options["conditional"] else noise
        return inputs, G_TRAINING * inputs @ self.weights["generator"]

    def step(self, images, labels, mask):
        """Takes one step; returns the losses that it followed."""
        options, images = self.options, images.reshape(len(images), -1) / 127.5 - 1
        fresh = images[:0]
        if options["updates"] == "alternating" and options["gan_weight"]:
            images, fresh = images[:-GENERATED], images[-GENERATED:]
            labels, mask = labels[:-GENERATED], mask[:-GENERATED]
        self.gradients = {name: np.zeros_like(value) for name, value in self.weights.items()}
        logs = {}
        has_gan = options["gan_weight"] and self.steps % options["gan_every"] == 0
        generators_turn = self.steps // options["gan_every"] % options["d_steps"] == 0
        if self.steps < options["unlabeled_start"]:
            images, labels = images[mask], labels[mask]
            logs["d_loss"] = self.supervised(images, labels, np.ones(len(labels), bool))
        elif not has_gan:
            logs["d_loss"] = self.of_classes(images, labels, mask)
        else:
            noise, generated = self.generate()
            logs["d_loss"] = self.of_classes(images, labels, mask) + self.unsupervised(images, generated, mask)
            logs["d_loss"] += self.generated_labels(generated)
            if options["updates"] == "simultaneous" and generators_turn:
                unlabeled = images[~mask] if not mask.all() else images
                logs["g_loss"] = self.of_generator(unlabeled, noise, generated)
        self.descend("gain", "kernel", "bias", rate=RATE)
        if has_gan and self.steps >= options["unlabeled_start"] and generators_turn:
            if options["updates"] == "alternating":
                logs["g_loss"] = self.of_generator(fresh, *self.generate())
            self.descend("generator", rate=RATE / 2)
            self.updates += 1
            self.follow("generator", steps=self.updates)
        self.steps += 1
        self.follow("gain", "kernel", "bias", steps=self.steps)
        return logs

    def follow(self, *names, steps):
        decay = min(EMA_DECAY, (1 + steps) / (10 + steps))
        for name in names:
            self.average[name] = decay * self.average[name] + (1 - decay) * self.weights[name]

    def descend(self, *names, rate):
        for name in names:
            self.weights[name] = self.weights[name] - rate * self.gradients[name]

    def back(self, images, d_logits):
        """Adds the discriminator's gradients, given the gradient of a loss by the logits of images."""
        _, features = self.predict(images)
        self.gradients["kernel"] += features.T @ d_logits
        self.gradients["bias"] += d_logits.sum(axis=0)
        d_features = d_logits @ self.weights["kernel"].T
        self.gradients["gain"] += (D_TRAINING * d_features * (images @ QUARTERS)).sum(axis=0)

    def supervised(self, images, labels, mask):
        images, labels = self.strong(images[mask]), labels[mask]
        p = softmax(self.predict(images)[0])
        self.back(images, (p - one_hot(labels)) / max(1, len(labels)))
        return -np.log(p[np.arange(len(labels)), labels]).sum() / max(1, len(labels))

    def of_classes(self, images, labels, mask):
        loss, images = self.supervised(images, labels, mask), images[~mask] if not mask.all() else images
        target = softmax(self.predict(self.weak(images), training=False)[0])
        loss += self.pseudo_labels(images, target) if self.options["pseudo_label_weight"] else 0.0
        return loss + (self.adversarial(self.weak(images), target) if self.options["vat_weight"] else 0.0)

    def pseudo_labels(self, images, target):
        weight, threshold = self.options["pseudo_label_weight"], self.options["pseudo_label_threshold"]
        confident, labels = target.max(axis=1) >= threshold, target.argmax(axis=1)
        p = softmax(self.predict(self.strong(images))[0])
        d_logits = weight * confident[:, None] * (p - one_hot(labels)) / len(images)
        self.back(self.strong(images), d_logits)
        return -weight * (confident * np.log(p[np.arange(len(labels)), labels])).sum() / len(images)

    def adversarial(self, images, target):
        weight, radius = self.options["vat_weight"], self.options["vat_radius"]
        probe = PROBE[: len(images)].reshape(len(images), -1).astype(np.float64)
        probed = softmax(self.predict(images + 0.02 * self.unit(probe), training=False)[0])
        by_pixel = (probed - target) @ self.weights["kernel"].T * self.weights["gain"] @ QUARTERS.T
        changed = images + radius * self.unit(by_pixel)
        p = softmax(self.predict(changed)[0])
        self.back(changed, weight * (p - target) / len(images))
        return weight * (target * np.log(target / p)).sum() / len(images)

    @staticmethod
    def unit(change):
        return change / np.sqrt(np.mean(change**2, axis=1, keepdims=True))

    def unsupervised(self, images, generated, mask):
        weight, smoothing = self.options["gan_weight"], self.options["label_smoothing"]
        images = self.as_the_gan_sees(images[~mask] if not mask.all() else images)
        generated = self.as_the_gan_sees(generated)
        real_logits, generated_logits = self.predict(images)[0], self.predict(generated)[0]
        real, fake = (np.log(np.exp(logits).sum(axis=1)) for logits in (real_logits, generated_logits))
        by_real = 0.5 * weight * (sigmoid(real) - (1 - smoothing)) / len(images)
        by_fake = 0.5 * weight * sigmoid(fake) / len(generated)
        self.back(images, by_real[:, None] * softmax(real_logits))
        self.back(generated, by_fake[:, None] * softmax(generated_logits))
        real_loss = -(1 - smoothing) * np.log(sigmoid(real)) - smoothing * np.log(1 - sigmoid(real))
        return 0.5 * weight * (real_loss.mean() - np.log(1 - sigmoid(fake)).mean())

    def generated_labels(self, generated):
        weight, threshold = self.options["generated_labels"], self.options["pseudo_label_threshold"]
        if not weight or self.steps < self.options["generated_labels_start"]:
            return 0.0
        rows = np.arange(len(generated))
        agreed = softmax(self.predict(self.as_the_gan_sees(generated))[0])[rows, CONDITION] >= threshold
        p = softmax(self.predict(self.strong(generated))[0])
        self.back(self.strong(generated), weight * agreed[:, None] * (p - one_hot(CONDITION)) / len(rows))
        return -weight * (agreed * np.log(p[rows, CONDITION])).sum() / len(rows)

    def of_generator(self, images, noise, generated):
        options, conditional = self.options, self.options["conditional"]
        loss = self.matching(images, noise, generated) if options["feature_matching_weight"] else 0.0
        loss += self.class_of(noise, generated) if conditional and options["generated_class_weight"] else 0.0
        return loss + (self.mode_seeking(noise, generated) if options["mode_seeking_weight"] else 0.0)

    def matching(self, images, noise, generated):
        weight = self.options["feature_matching_weight"]
        features = self.predict(self.as_the_gan_sees(images))[1]
        generated_features = self.predict(self.as_the_gan_sees(generated))[1]
        difference = generated_features.mean(axis=0) - features.mean(axis=0)
        squared = self.options["feature_matching"] == "squared"
        by_features = (2 * difference if squared else np.sign(difference)) / 4 / len(noise)
        self.back_to_generator(noise, np.tile(weight * by_features, (len(noise), 1)))
        return weight * np.mean(difference**2 if squared else np.abs(difference))

    def class_of(self, noise, generated):
        weight = self.options["generated_class_weight"]
        logits = self.predict(self.as_the_gan_sees(generated))[0]
        p = softmax(np.pad(logits, [(0, 0), (0, 1)]))
        d_logits = weight * (p[:, :CLASSES] - one_hot(CONDITION)) / len(noise)
        self.back_to_generator(noise, d_logits @ self.weights["kernel"].T)
        return -weight * np.log(p[np.arange(len(noise)), CONDITION]).mean()

    def mode_seeking(self, noise, generated):
        weight, half = self.options["mode_seeking_weight"], len(noise) // 2
        change = generated[:half] - generated[half : 2 * half]
        of_images, of_noise = (
            np.abs(change).mean(),
            np.abs(noise[:half, :LATENT] - noise[half : 2 * half, :LATENT]).mean(),
        )
        value = 1 / (of_images / of_noise + 1e-3)
        by_change = -weight * value**2 / of_noise * np.sign(change) / change.size
        self.gradients["generator"] += G_TRAINING * (noise[:half] - noise[half : 2 * half]).T @ by_change
        return weight * value

    def back_to_generator(self, noise, by_features):
        """Adds the generator's gradient, given that of a loss by the features of what the GAN sees."""
        by_image = D_TRAINING * G_TRAINING * by_features * self.weights["gain"] @ QUARTERS.T
        by_image = by_image * self.flip * (1.0 if self.options["gan_views"] == "weak" else self.strength)
        self.gradients["generator"] += noise.T @ by_image


OPTIONS = [
    {},
    {"gan_weight": 0.3},
    {"gan_weight": 0.0},
    {"label_smoothing": 0.2},
    {"feature_matching": "squared"},
    {"feature_matching_weight": 0.4},
    {"mode_seeking_weight": 0.3},
    {"mode_seeking_weight": 0.3, "feature_matching_weight": 0.0, "augment": "color"},
    {"conditional": True},
    {"conditional": True, "generated_class_weight": 0.8, "augment": "color", "shift": 1},
    {"conditional": True, "generated_class_weight": 0.8, "mode_seeking_weight": 0.3, "feature_matching_weight": 0.0},
    {"gan_views": "weak", "augment": "color", "shift": 1},
    {
        "gan_views": "weak",
        "augment": "color",
        "flip": "yes",
        "conditional": True,
        "generated_class_weight": 0.8,
        "pseudo_label_weight": 0.7,
        "pseudo_label_threshold": 0.6,
    },
    {
        "gan_views": "weak",
        "augment": "color",
        "conditional": True,
        "generated_labels": 0.7,
        "generated_labels_start": 1,
        "pseudo_label_threshold": 0.2,
    },
    {"augment": "color", "conditional": True, "generated_labels": 0.7, "pseudo_label_threshold": 0.2},
    {"flip": "yes"},
    {"shift": 2},
    {"augment": "color"},
    {"shift": 1, "augment": "color", "pseudo_label_weight": 0.7, "pseudo_label_threshold": 0.6},
    {"augment": "color", "pseudo_label_weight": 0.7, "pseudo_label_threshold": 0.9},
    {
        "shift": 1,
        "augment": "color",
        "pseudo_label_weight": 0.7,
        "pseudo_label_threshold": 0.6,
        "gan_weight": 0.0,
    },
    {"vat_weight": 0.6},
    {"vat_weight": 0.6, "vat_radius": 0.2, "shift": 1, "augment": "color"},
    {"vat_weight": 0.6, "vat_radius": 0.2, "shift": 1, "augment": "color", "gan_weight": 0.0},
    {"vat_weight": 1.0, "pseudo_label_weight": 1.0, "pseudo_label_threshold": 0.6, "augment": "color"},
    {"flip": "yes", "shift": 1, "augment": "color", "pseudo_label_weight": 0.7, "pseudo_label_threshold": 0.6},
    {"d_steps": 2},
    {"gan_every": 2, "pseudo_label_weight": 0.7, "pseudo_label_threshold": 0.6},
    {"gan_every": 2, "d_steps": 2},
    {"unlabeled_start": 2, "pseudo_label_weight": 0.7, "pseudo_label_threshold": 0.6, "augment": "color", "shift": 1},
]


def name(options):
    return ",".join(f"{key}={value}" for key, value in options.items()) or "defaults"


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
@pytest.mark.parametrize("options", OPTIONS, ids=name)
def test_a_step_is_the_one_by_hand(options, updates):
    gan, by_hand = make_gan(updates=updates, **options), ByHand(updates=updates, **options)
    batch = make_batch(updates=updates)
    # The direction of an adversarial change is a small difference of float32 probabilities.
    steps, tolerance = (2, 1e-3) if "vat_weight" in options else (4, 1e-4)
    for _ in range(steps):
        gan.reset_metrics()
        logs = gan.train_step(tuple(map(tf.constant, batch)))
        expected = by_hand.step(*batch)
        for key, value in expected.items():
            assert float(logs[key]) == pytest.approx(value, rel=tolerance, abs=1e-6), key
        networks = (gan.discriminator, by_hand.weights), (gan.ema_discriminator, by_hand.average)
        for network, arrays in networks:
            for variable, key in zip(network.variables, ("gain", "kernel", "bias"), strict=True):
                np.testing.assert_allclose(variable, arrays[key], rtol=tolerance, atol=tolerance / 10, err_msg=key)
        np.testing.assert_allclose(gan.generator.kernel, by_hand.weights["generator"], rtol=tolerance, atol=1e-6)
        np.testing.assert_allclose(gan.ema_generator.kernel, by_hand.average["generator"], rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("labeled", [0, LABELED + UNLABELED])
def test_a_step_without_labelled_or_without_unlabelled_rows_is_the_one_by_hand(labeled):
    options = {"pseudo_label_weight": 0.7, "pseudo_label_threshold": 0.6, "augment": "color"}
    gan, by_hand = make_gan(**options), ByHand(**options)
    batch = make_batch(labeled=labeled, unlabeled=LABELED + UNLABELED - labeled)
    logs, expected = gan.train_step(tuple(map(tf.constant, batch))), by_hand.step(*batch)
    assert float(logs["d_loss"]) == pytest.approx(expected["d_loss"], rel=1e-5)
    np.testing.assert_allclose(gan.discriminator.kernel, by_hand.weights["kernel"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gan.generator.kernel, by_hand.weights["generator"], rtol=1e-4, atol=1e-6)


def test_every_option_changes_the_step_by_hand():
    """Or a row above would show nothing."""
    ends = []
    for options in OPTIONS:
        by_hand = ByHand(**options)
        for _ in range(4):
            by_hand.step(*make_batch())
        ends.append(np.concatenate([value.ravel() for value in by_hand.weights.values()]))
    pairs = [(one, other) for number, one in enumerate(ends) for other in ends[:number] if one.shape == other.shape]
    assert min(np.abs(one - other).max() for one, other in pairs) > 1e-4


def test_the_metrics_are_those_by_hand():
    options = {"pseudo_label_weight": 0.7, "pseudo_label_threshold": 0.9, "augment": "color"}
    gan, by_hand = make_gan(**options), ByHand(**options)
    images, labels, mask = make_batch()
    logs = gan.train_step(tuple(map(tf.constant, (images, labels, mask))))
    images = images.reshape(len(images), -1) / 127.5 - 1
    logits = by_hand.predict(by_hand.strong(images))[0]
    real = sigmoid(np.log(np.exp(logits).sum(axis=1)))[~mask]
    generated = by_hand.predict(by_hand.strong(by_hand.generate()[1]))[0]
    confident = softmax(by_hand.predict(images[~mask], training=False)[0]).max(axis=1) >= 0.9
    assert 0 < confident.mean() < 1
    assert float(logs["confident"]) == pytest.approx(confident.mean())
    assert float(logs["real_probability"]) == pytest.approx(real.mean(), rel=1e-5)
    expected = sigmoid(np.log(np.exp(generated).sum(axis=1))).mean()
    assert float(logs["generated_probability"]) == pytest.approx(expected, rel=1e-5)
    assert float(logs["labeled_accuracy"]) == np.mean(logits.argmax(axis=1)[mask] == labels[mask])
