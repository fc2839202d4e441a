"""The semi-supervised GAN as a Keras model: its own train step, an averaged copy of the discriminator, its metrics."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ssgan import files, inputs, losses, schedules, state  # noqa: F401  (a saved run names the optimizers' schedule)
from ssgan.augment import random_color_and_cutout, random_drawing, random_photo, random_shift
from ssgan.config import UsageError, check_option
from ssgan.models import Discriminator, Generator

_COMPILE_OPTIONS = (
    "updates",
    "d_steps",
    "unlabeled_start",
    "gan_every",
    "generated_batch",
    "unsupervised_weight",
    "label_smoothing",
    "feature_matching",
    "shift",
    "augment",
    "consistency_weight",
    "consistency_threshold",
    "vat_weight",
    "vat_radius",
)

_KERAS_OPTIONS = ("run_eagerly", "steps_per_execution", "jit_compile")

_VAT_PROBE = 0.02  # root mean square of a pixel of the random change; less would be lost in bfloat16

_AUGMENT = {"photo": random_photo, "color": random_color_and_cutout, "affine": random_drawing, "none": None}


def to_unit_range(images: tf.Tensor) -> tf.Tensor:
    """Returns pixels 0..255 of any dtype as float32 in -1..1, the range of both networks."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


@keras.saving.register_keras_serializable("ssgan")
class SSGAN(keras.Model):
    """Trains a classifier, the discriminator, from few labels and many images.

    Reference: Salimans et al. 2016, "Improved Techniques for Training GANs", arXiv:1606.03498, section 5
    (semi-supervised learning) and 3.1 (feature matching).

    Called on images, the model is the classifier: class probabilities from an exponential moving average (EMA) of the
    discriminator's weights. `fit` takes batches of (images, labels, label_mask), see `ssgan.batches`, or
    (images, labels), where the label -1 is hidden; `evaluate` takes (images, labels) and returns the error of the EMA
    and of the raw weights. A callback that watches an error is to be told so: `EarlyStopping("val_error", mode="min")`.

    Args:
        discriminator: returns (logits, features) of images in -1..1.
        generator: returns images in -1..1 of noise.
        ema_decay: decay per step of the moving average, 0..1; in the first steps it is `(1 + t) / (10 + t)` if that is
            less, so that the average does not dwell on the initial weights.

    Input shape: uint8 or float [batch, height, width, channels] in 0..255.
    Output shape: class probabilities float32 [batch, K].

    Example:
        >>> gan = ssgan.SSGAN(ssgan.Discriminator(10), ssgan.Generator((32, 32, 3)))
        >>> gan.compile(keras.optimizers.Adam(1e-3, 0.5), keras.optimizers.Adam(1e-3, 0.5))
        >>> gan.fit(batches)
    """

    def __init__(
        self,
        discriminator: Discriminator,
        generator: Generator,
        *,
        ema_decay: float = 0.999,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_option("ema_decay", ema_decay)
        self.discriminator = discriminator
        self.generator = generator
        self.ema_decay = ema_decay
        # In float32 whatever the precision of training, so that the average keeps its digits and its predictions.
        averaged = {**discriminator.get_config(), "name": "ema_discriminator", "dtype": "float32"}
        self.ema_discriminator = type(discriminator).from_config(averaged)
        self.ema_discriminator.trainable = False
        self.noise_seed = keras.random.SeedGenerator()
        self.steps_done = self.add_weight(
            name="steps_done", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        names = (
            "d_loss",
            "g_loss",
            "real_probability",
            "generated_probability",
            "labeled_accuracy",
            "confident",
        )
        self.train_metrics = {name: keras.metrics.Mean(name) for name in names}
        self.test_metrics = {name: keras.metrics.Mean(name) for name in ("error", "raw_error")}
        self.build((None, *generator.image_shape))

    def build(self, input_shape):
        """Builds the three networks; the moving average starts at the weights."""
        if not self.discriminator.built:
            self.discriminator.build(input_shape)
        if not self.generator.built:
            self.generator.build((None, self.generator.latent_dim))
        if not self.ema_discriminator.built:
            self.ema_discriminator.build(input_shape)
            self.reset_ema()

    def __call__(self, images, *args, **kwargs):
        """Looks at the shape of the images before Keras does, which would wrap the words for it in its own."""
        inputs.check_images(images, self.generator.image_shape)
        return super().__call__(images, *args, **kwargs)

    def call(self, images, training=False):
        """Returns the class probabilities of the EMA weights; `training` has no influence."""
        logits, _ = self.ema_discriminator(self._scaled(images), training=False)
        return ops.softmax(logits)

    def _scaled(self, images):
        """Returns images in -1..1, their shape checked: now where it is known, else when the step is run."""
        inputs.check_images(images, self.generator.image_shape)
        return tf.ensure_shape(to_unit_range(images), [None, *self.generator.image_shape])

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer | str | None = None,
        g_optimizer: keras.optimizers.Optimizer | str | None = None,
        *,
        updates: str = "simultaneous",
        d_steps: int = 1,
        unlabeled_start: int = 0,
        gan_every: int = 1,
        generated_batch: int = 100,
        unsupervised_weight: float = 1.0,
        label_smoothing: float = 0.0,
        feature_matching: str = "l1",
        shift: int = 0,
        augment: str = "none",
        consistency_weight: float = 0.0,
        consistency_threshold: float = 0.95,
        vat_weight: float = 0.0,
        vat_radius: float = 0.05,
        **kwargs,
    ) -> None:
        """Configures the training.

        The defaults are the plain GAN of the paper's section 5. The command line has the recipe that the README
        measures, with pseudo-labels and augmentation: `ssgan.recipe.compile_gan(gan, ssgan.config.Config(), steps=10)`.

        Args:
            d_optimizer: optimizer of the discriminator, or its name; `self.optimizer`, which callbacks look for, is it.
            g_optimizer: optimizer of the generator, another one. Where neither has a schedule its learning rate follows
                the discriminator's, in the proportion they have now: a callback that sets one sets both.
            updates: `alternating` (the paper): the discriminator is updated, then the generator on fresh rows, which
                are the last `generated_batch` rows of each batch (so ask for that many more unlabelled rows);
                `simultaneous`: one forward pass serves both.
            d_steps: discriminator updates, one per batch, for each generator update.
            unlabeled_start: number of steps in which the discriminator learns from the labelled rows alone, of which
                every batch must have some. They take a fraction of the time of the steps that follow, and the
                predictions are worth learning from after them.
            gan_every: then, the GAN takes part in every so-manyth batch; from the others the discriminator learns by
                the other losses alone, which takes less time.
            generated_batch: generated images per update.
            unsupervised_weight: weight of the unsupervised loss beside the supervised one; at 0 the generator
                is neither run nor trained.
            label_smoothing: one-sided smoothing of the target of real images, 0..0.5.
            feature_matching: `l1` or `squared`.
            shift: largest random translation of every image, real or generated, pixels; 0 for none.
            augment: further change of every image that the discriminator is trained on, real or generated: `photo`
                (`ssgan.augment.random_photo`), `color` (`random_color_and_cutout`), `affine` (`random_drawing`) or
                `none`.
            consistency_weight: weight of the loss that holds the predictions for changed unlabelled images to the
                confident ones for the shifted images (arXiv:2001.07685); 0 for none.
            consistency_threshold: probability from which on a prediction is confident, 0..1.
            vat_weight: weight of virtual adversarial training on the unlabelled images (arXiv:1704.03976); 0 for none.
            vat_radius: root mean square of a pixel of its change, for pixels in -1..1.
            **kwargs: `run_eagerly`, `steps_per_execution` and `jit_compile` of `keras.Model.compile`.

        Raises:
            UsageError: for an option out of its bounds, which are those of the command line, for losses and metrics,
                which `SSGAN` has itself, and for optimizers that are missing, shared, or average weights.
            ValueError: for networks in float16.
        """
        given = dict(locals())
        for name in _COMPILE_OPTIONS:
            _check_compile_option(name, given[name])
        for name in kwargs.keys() & {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"}:
            raise UsageError(
                f"{name}={kwargs[name]!r}: SSGAN has its own losses and metrics and one optimizer for each network; "
                "leave it out and give d_optimizer= and g_optimizer="
            )
        optimizers = _two_optimizers(d_optimizer, g_optimizer)
        if "float16" in (self.discriminator.compute_dtype, self.generator.compute_dtype):
            raise ValueError("float16 would need a loss scale for each optimizer; use mixed_bfloat16 or float32")
        # optimizer=None: Keras would otherwise add an optimizer of its own. No XLA: slower than oneDNN on CPUs.
        super().compile(optimizer=None, **{"jit_compile": False, **kwargs})
        self.d_optimizer, self.g_optimizer = optimizers
        self.optimizer = self.d_optimizer
        self._rate_ratio = _ratio_of_rates(*optimizers)
        self.updates = updates
        self.d_steps = d_steps
        self.unlabeled_start = unlabeled_start
        self.gan_every = gan_every
        self.generated_batch = generated_batch
        self.unsupervised_weight = unsupervised_weight
        self.label_smoothing = label_smoothing
        self.feature_matching = feature_matching
        self.shift = shift
        self.augment = augment
        self.consistency_weight = consistency_weight
        self.consistency_threshold = consistency_threshold
        self.vat_weight = vat_weight
        self.vat_radius = vat_radius
        # Built here, because an optimizer that is built later is skipped when a saved model is restored.
        self.d_optimizer.build(self.discriminator.trainable_variables)
        self.g_optimizer.build(self.generator.trainable_variables)

    def train_step(self, batch):
        """One update of the discriminator and, when it is its turn, of the generator (arXiv:1606.03498, section 5).

        Args:
            batch: images uint8 [b, height, width, channels], labels integer [b], label_mask bool [b]; without the
                last, the label -1 is hidden.

        Returns:
            The metrics, means since they were last reset, and `loss`, the sum of both losses.
        """
        images, labels, label_mask = inputs.training_batch(batch, self.discriminator.num_classes)
        rows, fresh_images = self._divide(self._scaled(images), labels, label_mask)
        self._match_rates()
        _either(
            self.unlabeled_start > 0 and self.steps_done < self.unlabeled_start,
            lambda: self._update_on_labels(*rows),
            lambda: self._update_on_all(rows, fresh_images),
        )
        self._update_ema()
        means = {name: metric.result() for name, metric in self.train_metrics.items()}
        return {**means, "loss": means["d_loss"] + means["g_loss"]}  # which TerminateOnNaN, for one, looks at

    def _divide(self, images, labels, label_mask):
        """Returns the discriminator's rows, and the generator's own images: the last ones of an alternating update."""
        fresh = self.generated_batch
        if self.updates == "simultaneous" or self.unsupervised_weight == 0:
            return (images, labels, label_mask), images[:0]
        words = (
            f"a batch has {{}} rows, and generated_batch={fresh} of them are the generator's; alternating updates need "
            "these rows on top of the discriminator's"
        )
        if images.shape[0] is None:
            images = inputs.required(images, tf.shape(images)[0] > fresh, words, lambda: tf.shape(images)[0])
        elif images.shape[0] <= fresh:
            raise UsageError(words.format(images.shape[0]))
        return (images[:-fresh], labels[:-fresh], label_mask[:-fresh]), images[-fresh:]

    def _update_on_labels(self, images, labels, label_mask):
        images, labels = tf.boolean_mask(images, label_mask), tf.boolean_mask(labels, label_mask)
        self._update_classifier(
            lambda _, *of_labels: self._supervised_loss(*of_labels), images, labels, tf.ones_like(labels, tf.bool)
        )

    def _update_on_all(self, rows, fresh_images):
        _either(
            self.unsupervised_weight > 0 and (self.gan_every == 1 or self.steps_done % self.gan_every == 0),
            lambda: self._update_gan(rows, fresh_images),
            lambda: self._update_classifier(self._class_loss, *rows),
        )

    def _update_gan(self, rows, fresh_images):
        """Updates the discriminator, and the generator when it is its turn."""
        its_turn = self.d_steps == 1 or self.steps_done // self.gan_every % self.d_steps == 0
        if self.updates == "simultaneous":
            _either(its_turn, lambda: self._update_both(*rows), lambda: self._update_discriminator(*rows))
        else:
            self._update_discriminator(*rows)
            _either(its_turn, lambda: self._update_generator(fresh_images), lambda: None)

    def _update_classifier(self, loss_of, images, labels, label_mask):
        with tf.GradientTape() as tape:
            weak, strong = self._views(images)
            logits, _ = self.discriminator(strong, training=True)
            loss = loss_of(weak, logits, labels, label_mask)
            self.train_metrics["d_loss"].update_state(loss)
        _apply_gradients(self.d_optimizer, tape, loss, self.discriminator)

    def _update_discriminator(self, images, labels, label_mask):
        generated = self.generator(self._noise(), training=True)
        with tf.GradientTape() as tape:
            weak, (logits, _), (generated_logits, _) = self._discriminate(images, generated)
            loss = self._discriminator_loss(weak, logits, generated_logits, labels, label_mask)
        _apply_gradients(self.d_optimizer, tape, loss, self.discriminator)

    def _update_generator(self, images):
        with tf.GradientTape() as tape:
            generated = self.generator(self._noise(), training=True)
            _, (_, features), (_, generated_features) = self._discriminate(images, generated)
            loss = self._generator_loss(features, generated_features)
        _apply_gradients(self.g_optimizer, tape, loss, self.generator)

    def _update_both(self, images, labels, label_mask):
        with tf.GradientTape(persistent=True) as tape:
            generated = self.generator(self._noise(), training=True)
            weak, (logits, features), (generated_logits, generated_features) = self._discriminate(images, generated)
            d_loss = self._discriminator_loss(weak, logits, generated_logits, labels, label_mask)
            g_loss = self._generator_loss(tf.boolean_mask(features, _unlabeled(label_mask)), generated_features)
        _apply_gradients(self.d_optimizer, tape, d_loss, self.discriminator)
        _apply_gradients(self.g_optimizer, tape, g_loss, self.generator)

    def _discriminator_loss(self, weak, logits, generated_logits, labels, label_mask):
        """`L_supervised + weight * L_unsupervised`; the latter is over the unlabelled and the generated rows."""
        real, generated = losses.gan_logits(logits), losses.gan_logits(generated_logits)
        real_loss = losses.real_loss(real, label_smoothing=self.label_smoothing)
        unsupervised = 0.5 * (
            losses.masked_mean(real_loss, _unlabeled(label_mask)) + tf.reduce_mean(losses.generated_loss(generated))
        )
        loss = self._class_loss(weak, logits, labels, label_mask) + self.unsupervised_weight * unsupervised
        self.train_metrics["d_loss"].update_state(loss)
        self.train_metrics["real_probability"].update_state(tf.sigmoid(real), sample_weight=_unlabeled(label_mask))
        self.train_metrics["generated_probability"].update_state(tf.sigmoid(generated))
        return loss

    def _supervised_loss(self, logits, labels, label_mask):
        correct = tf.argmax(logits, axis=-1, output_type=tf.int32) == tf.cast(labels, tf.int32)
        self.train_metrics["labeled_accuracy"].update_state(correct, sample_weight=label_mask)
        return losses.supervised_loss(logits, labels, label_mask)

    def _class_loss(self, weak, logits, labels, label_mask):
        """The supervised loss and, where they have a weight, the terms of the unlabelled rows.

        `weak` are the images as `_views` shifts them, `logits` those of the views that are changed further.
        """
        loss = self._supervised_loss(logits, labels, label_mask)
        if self.consistency_weight == self.vat_weight == 0:
            return loss
        unlabeled = _unlabeled(label_mask)
        weak = tf.boolean_mask(weak, unlabeled)
        weak_logits, _ = self.discriminator(weak, training=False)
        if self.consistency_weight:
            consistency, confident = losses.pseudo_label_loss(
                tf.boolean_mask(logits, unlabeled), weak_logits, threshold=self.consistency_threshold
            )
            self.train_metrics["confident"].update_state(confident)
            loss += self.consistency_weight * consistency
        if self.vat_weight:
            loss += self.vat_weight * self._virtual_adversarial_loss(weak, weak_logits)
        return loss

    def _virtual_adversarial_loss(self, images, unchanged_logits):
        """Holds predictions steady along the small change that changes them most (arXiv:1704.03976, section 3.3)."""
        probe = _of_unit_size(keras.random.normal(tf.shape(images), seed=self.noise_seed))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(probe)
            logits, _ = self.discriminator(images + _VAT_PROBE * probe, training=False)
            divergence = losses.kl_divergence(unchanged_logits, logits)
        direction = _of_unit_size(tf.stop_gradient(tape.gradient(divergence, probe)))
        stochastic = not self.discriminator.has_batch_statistics  # which are those of the real images alone
        logits, _ = self.discriminator(images + self.vat_radius * direction, training=stochastic)
        return losses.kl_divergence(unchanged_logits, logits)

    def _generator_loss(self, features, generated_features):
        loss = losses.feature_matching_loss(features, generated_features, distance=self.feature_matching)
        self.train_metrics["g_loss"].update_state(loss)
        return loss

    def _discriminate(self, images, generated):
        """Returns the weak views of the images, and (logits, features) of them and of the generated ones.

        Two passes, except where batch normalisation asks for one: statistics of its own for either half would differ
        from the moving averages, which see both.
        """
        weak, images = self._views(images)
        _, generated = self._views(generated)
        if not self.discriminator.has_batch_statistics:
            return weak, self.discriminator(images, training=True), self.discriminator(generated, training=True)
        logits, features = self.discriminator(tf.concat([images, generated], axis=0), training=True)
        rows = tf.shape(images)[0]
        return weak, (logits[:rows], features[:rows]), (logits[rows:], features[rows:])

    def _views(self, images):
        """Returns the weak view of images, real or generated: shifted; and the strong one: then changed by `augment`.

        This is the one place where an image is changed, so that no change tells a real image from a generated one.
        """
        weak = random_shift(images, self.noise_seed.next(), pixels=self.shift) if self.shift else images
        change = _AUGMENT[self.augment]
        return weak, weak if change is None else change(weak, self.noise_seed.next())

    def _noise(self):
        return keras.random.uniform([self.generated_batch, self.generator.latent_dim], seed=self.noise_seed)

    def _match_rates(self):
        if self._rate_ratio is not None:
            d_rate = tf.cast(self.d_optimizer.learning_rate, tf.float64)  # so that the product is the rate as compiled
            self.g_optimizer.learning_rate = tf.cast(self._rate_ratio * d_rate, tf.float32)

    def _update_ema(self):
        self.steps_done.assign_add(1)
        steps = tf.cast(self.steps_done, tf.float32)
        decay = tf.minimum(self.ema_decay, (1.0 + steps) / (10.0 + steps))
        for average, weight in zip(self.ema_discriminator.weights, self.discriminator.weights, strict=True):
            average.assign_add((1.0 - decay) * (weight - average))

    def reset_ema(self) -> None:
        """Sets the moving average to the present weights of the discriminator."""
        self.ema_discriminator.set_weights(self.discriminator.get_weights())

    def initialize_from_data(self, images: tf.Tensor) -> None:
        """Data-dependent initialisation of both networks (arXiv:1602.07868); call it once, before `fit`.

        Args:
            images: uint8 or float [batch, height, width, channels] in 0..255; the paper's code takes 500.

        Raises:
            UsageError: for images of another shape.
        """
        inputs.warn_of_range(images)
        scaled = self._scaled(images)
        self.generator.initialize_from_data(keras.random.uniform([len(images), self.generator.latent_dim]))
        self.discriminator.initialize_from_data(scaled)
        self.reset_ema()

    def state(self) -> dict[str, keras.Variable]:
        """Returns every variable that the next training step depends on, see `ssgan.state.variables`."""
        return state.variables(self)

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Sets every variable of `state`, see `ssgan.state.restore`."""
        state.restore(self, arrays)

    def test_step(self, batch):
        """Error rates 0..1 on (images, labels): `error` of the EMA weights, `raw_error` of the present ones.

        With a third part, weights or a label_mask, they are weighted means.
        """
        images, labels, weights = inputs.evaluation_batch(batch, self.discriminator.num_classes)
        logits, _ = self.discriminator(self._scaled(images), training=False)
        for name, outputs in (("error", self(images)), ("raw_error", logits)):
            wrong = tf.argmax(outputs, axis=-1, output_type=tf.int32) != labels
            self.test_metrics[name].update_state(wrong, sample_weight=weights)
        return {name: metric.result() for name, metric in self.test_metrics.items()}

    def fit(self, x=None, *args, class_weight=None, **kwargs):
        """Trains as `keras.Model.fit` does, on batches as the class describes them.

        Raises:
            UsageError: for images, labels or masks of other shapes or values, and for endless batches without
                `steps_per_epoch`.
        """
        if class_weight is not None:
            raise UsageError(f"class_weight={class_weight}: SSGAN does not weigh classes; leave it out")
        endless = isinstance(x, tf.data.Dataset) and x.cardinality() == tf.data.INFINITE_CARDINALITY
        if endless and kwargs.get("steps_per_epoch") is None:
            raise UsageError("the batches have no end; expected a length of the epoch: fit(..., steps_per_epoch=500)")
        inputs.warn_of_range(x)
        with inputs.in_words():
            return super().fit(x, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """Returns the errors as `keras.Model.evaluate` does: `error` of the EMA weights, `raw_error` of the raw ones.

        Raises:
            UsageError: for images or labels of other shapes or values.
        """
        inputs.warn_of_range(x)
        with inputs.in_words():
            return super().evaluate(x, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Returns class probabilities as `keras.Model.predict` does, float32 [n, K].

        Raises:
            UsageError: for images of another shape.
        """
        inputs.warn_of_range(x)
        return super().predict(x, *args, **kwargs)

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Saves as `keras.Model.save` does; a `.keras` file is replaced when the new one is whole."""
        local = isinstance(filepath, str | os.PathLike) and "://" not in str(filepath)
        if not (overwrite and local and str(filepath).endswith(".keras")):
            return super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)
        with files.whole(Path(filepath)) as temporary:
            super().save(temporary, zipped=zipped, **kwargs)

    def get_config(self) -> dict:
        return {
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "ema_decay": self.ema_decay,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict) -> "SSGAN":
        networks = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("discriminator", "generator")}
        return cls(**{**config, **networks})

    def get_compile_config(self) -> dict | None:
        if not self.compiled:
            return None
        self._match_rates()  # the generator may not have been updated since the discriminator's was set
        optimizers = {
            key: keras.saving.serialize_keras_object(getattr(self, key)) for key in ("d_optimizer", "g_optimizer")
        }
        return {**optimizers, **{name: getattr(self, name) for name in (*_COMPILE_OPTIONS, *_KERAS_OPTIONS)}}

    def compile_from_config(self, config: dict) -> None:
        optimizers = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("d_optimizer", "g_optimizer")}
        self.compile(**{**config, **optimizers})


def _check_compile_option(name, value):
    if name != "unlabeled_start":  # the command line's is a fraction of the training
        check_option(name, value)
    elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{name}={value!r}: expected a number of steps, an integer of at least 0")


def _two_optimizers(d_optimizer, g_optimizer):
    given = {"d_optimizer": d_optimizer, "g_optimizer": g_optimizer}
    if d_optimizer is not None and d_optimizer is g_optimizer and not isinstance(d_optimizer, str):
        raise UsageError("d_optimizer and g_optimizer are one; expected one for each network, which keeps its moments")
    for name, optimizer in given.items():
        if optimizer is None:
            raise UsageError(f"{name}=None: expected an optimizer for each network, d_optimizer= and g_optimizer=")
        given[name] = keras.optimizers.get(optimizer)
        if given[name].use_ema:
            raise UsageError(f"{name} has use_ema=True: SSGAN keeps its own average, see ema_decay; leave it out")
    return tuple(given.values())


def _ratio_of_rates(d_optimizer, g_optimizer):
    """Returns the generator's learning rate by the discriminator's, or None where they have none that can be set."""
    d_rate, g_rate = d_optimizer.learning_rate, g_optimizer.learning_rate
    settable = isinstance(d_rate, keras.Variable) and isinstance(g_rate, keras.Variable)
    return float(g_rate) / float(d_rate) if settable and 0 < float(d_rate) < math.inf else None


def _unlabeled(label_mask):
    """Returns the rows that count as unlabelled; where every label is visible, all rows."""
    return ~label_mask | tf.reduce_all(label_mask)


def _of_unit_size(change):
    """Returns each image's change scaled to a root mean square of 1; a gradient may be too small to be squared."""
    change = tf.math.divide_no_nan(change, tf.reduce_max(tf.abs(change), axis=[1, 2, 3], keepdims=True))
    return tf.math.l2_normalize(change, axis=[1, 2, 3]) * math.sqrt(math.prod(change.shape[1:]))


def _apply_gradients(optimizer, tape, loss, network):
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)


def _either(condition, update, otherwise):
    """Runs one of two updates; in a graph, only the one that is meant if that is known beforehand."""
    if isinstance(condition, bool):
        (update if condition else otherwise)()
    else:
        tf.cond(condition, lambda: _run(update), lambda: _run(otherwise))


def _run(update):
    update()
    return tf.constant(True)  # tf.cond wants the same kind of value from both branches
