"""The semi-supervised GAN as a Keras model: its train steps, which read like the paper's algorithm."""

import functools
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ssgan import inputs, replicas, state
from ssgan.augment import two_views
from ssgan.compiled import CompiledGAN
from ssgan.ema import averaged_copy, update_average
from ssgan.errors import UsageError
from ssgan.figures import Figures
from ssgan.inputs import Batch
from ssgan.models import Discriminator, Generator
from ssgan.options import check_option
from ssgan.passes import Drawn, discriminate
from ssgan.phases import BOTH, CLASSES, LABELS
from ssgan.seeds import seeded
from ssgan.terms import Passes, Term, standardized


def to_unit_range(images: tf.Tensor) -> tf.Tensor:
    """Returns pixels 0..255 of any dtype as float32 in -1..1, the range of both networks."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


@keras.saving.register_keras_serializable("ssgan")
class SSGAN(CompiledGAN):
    """Trains a classifier, the discriminator, from few labels and many images.

    Reference: Salimans et al. 2016, "Improved Techniques for Training GANs", arXiv:1606.03498, section 5
    (semi-supervised learning) and 3.1 (feature matching).

    Called on images, the model is the classifier: class probabilities from an exponential moving average (EMA) of the
    discriminator's weights. `fit` takes the batches of `ssgan.batches`, or (images, labels), where the label -1 is
    hidden; `evaluate` takes (images, labels) and returns the error of the EMA and of the raw weights. A callback that
    watches an error is to be told so: `EarlyStopping("val_error", mode="min")`.

    Args:
        discriminator: returns (logits, features) of images in -1..1.
        generator: returns images in -1..1 of noise.
        ema_decay: decay per step of the moving averages, 0..1; less in the first steps.
        averages_generator: whether the generator has a moving average, too, which is better to take samples from.

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
        averages_generator: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_option("ema_decay", ema_decay)
        self.discriminator = discriminator
        self.generator = generator
        self.image_shape = generator.image_shape
        self.ema_decay = ema_decay
        self.ema_discriminator = averaged_copy(discriminator)
        with seeded(0):  # its weights are copied: it shall draw no seed that others get then
            self.ema_generator = averaged_copy(generator) if averages_generator else None
        self.noise_seed = keras.random.SeedGenerator()
        self.steps_done = self.add_weight(
            name="steps_done", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.train_figures, self.test_figures = Figures(()), Figures(("error", "raw_error"))
        self.build((None, *generator.image_shape))

    def build(self, input_shape):
        """Builds the networks; the moving averages start at the weights."""
        of_noise = (None, self.generator.latent_dim)
        for network, shape in ((self.discriminator, input_shape), (self.generator, of_noise)):
            if not network.built:
                network.build(shape)
        if not self.ema_discriminator.built:
            self.ema_discriminator.build(input_shape)
            self.ema_discriminator.set_weights(self.discriminator.get_weights())
        if self.ema_generator is not None and not self.ema_generator.built:
            with seeded(0):
                self.ema_generator.build(of_noise)
            self.ema_generator.set_weights(self.generator.get_weights())

    def call(self, images, training=False):
        """Returns the class probabilities of the EMA weights; `training` has no influence."""
        logits, _ = self.ema_discriminator(self._scaled(images), training=False)
        return ops.softmax(logits)

    def train_step_of(self, kind: str, batch: Any, asked: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Updates the networks as a step of this kind does, then the averages (arXiv:1606.03498, section 5).

        Args:
            kind: of `ssgan.phases`.
            batch: see `ssgan.inputs.training_batch`.
            asked: see `ssgan.figures.Figures.ask`.

        Returns:
            The figures, means since they were last reset, and `loss`, the sum of both losses.
        """
        alternating = self.updates == "alternating"
        own = self.generated_batch // replicas.count() if alternating and self.phases.trains_generator else 0
        batch = inputs.training_batch(batch, self.discriminator.num_classes, self.image_shape, generators_own=own)
        self.match_rates()
        self.train_figures.begin()
        if asked is not None:
            self.train_figures.ask(asked)
        if kind == LABELS:
            self.update_discriminator(batch.labeled_alone())
        elif kind == CLASSES:
            self.update_discriminator(batch)
        elif kind == BOTH and not alternating:
            self.update_both(batch)
        else:
            self.update_discriminator(batch, drawn=self.draw())
            if kind == BOTH:
                self.update_generator(batch)
        self.steps_done.assign_add(1)
        update_average(self.ema_discriminator, self.discriminator, steps=self.steps_done, decay=self.ema_decay)
        if kind == BOTH and self.ema_generator is not None:
            its_steps = self.g_optimizer.iterations
            update_average(self.ema_generator, self.generator, steps=its_steps, decay=self.ema_decay)
        means = self.train_figures.means()
        return {**means, "loss": means["d_loss"] + means["g_loss"]}  # which TerminateOnNaN, for one, looks at

    def update_discriminator(self, batch: Batch, *, drawn: Drawn | None = None) -> None:
        """Moves the discriminator down its loss, on real and, where there are some, generated images."""
        with tf.GradientTape() as tape:
            loss = self.loss_of("d_loss", self.d_terms, self.discriminate(batch, drawn, self.d_terms))
        _descend(self.d_optimizer, tape, loss, self.discriminator)

    def update_generator(self, batch: Batch) -> None:
        """Moves the generator down its loss, against real images of its own."""
        with tf.GradientTape() as tape:
            passes = self.discriminate(Batch(unlabeled=batch.generator), self.draw(), self.g_terms)
            loss = self.loss_of("g_loss", self.g_terms, passes)
        _descend(self.g_optimizer, tape, loss, self.generator)

    def update_both(self, batch: Batch) -> None:
        """Moves both networks down their losses, from one pass."""
        with tf.GradientTape(persistent=True) as tape:
            passes = self.discriminate(batch, self.draw(), [*self.d_terms, *self.g_terms])
            d_loss = self.loss_of("d_loss", self.d_terms, passes)
            g_loss = self.loss_of("g_loss", self.g_terms, passes)
        _descend(self.d_optimizer, tape, d_loss, self.discriminator)
        _descend(self.g_optimizer, tape, g_loss, self.generator)

    def loss_of(self, name: str, terms: list[Term], passes: Passes) -> tf.Tensor:
        """Returns the weighted sum of the terms that have the rows that they need; takes down each of them.

        To the discriminator's, what the regularisers of a trunk of one's own say is added.

        On several replicas it is this one's share of the mean, as the optimizers sum the gradients.
        """
        loss = _regularization(self.discriminator) if name == "d_loss" else tf.constant(0.0)
        for term in _taking_part(name, terms, passes):
            value = term(passes, self.discriminator)
            loss += term.weight * value
            self.train_figures.update(term.name, value)
            for figure, (values, weights) in term.figures(passes).items():
                self.train_figures.update(figure, values, weights)
        self.train_figures.update(name, loss)
        return replicas.share(loss)

    def discriminate(self, batch: Batch, drawn: Drawn | None, terms: list[Term]) -> Passes:
        """Returns what the discriminator makes of the images of a batch, and of generated ones, as terms need it."""
        views = functools.partial(
            two_views, next_seed=self.noise_seed.next, flip=self.flip, shift=self.shift, augment=self.augment
        )
        return discriminate(
            self.discriminator,
            batch,
            drawn,
            views_of_real=views(self._scaled(batch.real())),
            views_of_drawn=None if drawn is None else views(drawn.images),
            gan_views=self.gan_views,
            needs={role for term in terms for role in term.needs},
            seeds=replicas.OwnSeeds(self.noise_seed),
            step=self.steps_done,
        )

    def draw(self) -> Drawn:
        """Returns images that the generator draws in training, of classes that are equally likely."""
        noise = self.noise()
        if not self.generator.num_classes:
            return Drawn(self.generator(noise, training=True), noise, None)
        classes = self.classes()
        return Drawn(self.generator((noise, classes), training=True), noise, classes)

    def noise(self) -> tf.Tensor:
        """Returns the generator's input, float32 [generated_batch, latent_dim], see `Generator.noise`."""
        return replicas.own_rows(self.generator.noise(self.generated_batch, seed=self.noise_seed))

    def classes(self) -> tf.Tensor:
        """Returns classes to draw, int32 [generated_batch], those of the first half again in the second."""
        half = self.generated_batch // 2
        classes = keras.random.randint(
            [self.generated_batch - half], 0, self.generator.num_classes, seed=self.noise_seed
        )
        return replicas.own_rows(tf.concat([classes[:half], classes], axis=0))

    def _scaled(self, images):
        """Returns images in -1..1, their shape checked: now where it is known, else when the step is run."""
        inputs.check_images(images, self.image_shape)
        return tf.ensure_shape(to_unit_range(images), [None, *self.image_shape])

    @property
    def sampler(self) -> Generator:
        """The generator to take samples from: the moving average, where there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    def reset_ema(self) -> None:
        """Sets the moving averages to the present weights of the networks."""
        self.ema_discriminator.set_weights(self.discriminator.get_weights())
        if self.ema_generator is not None:
            self.ema_generator.set_weights(self.generator.get_weights())

    def encode(self, images: tf.Tensor) -> tf.Tensor:
        """Returns noise of which the generator draws such images, of a discriminator that encodes (arXiv:1903.01931).

        Args:
            images: uint8 or float [batch, height, width, channels] in 0..255.

        Returns:
            float32 [batch, latent_dim], each row of mean 0 and deviation 1.

        Raises:
            UsageError: if the discriminator does not encode: `Discriminator(..., encoding=nz)`, `--encoder_weight`.
        """
        if not self.discriminator.encoding:
            raise UsageError("the discriminator does not encode; expected encoding=latent_dim, or --encoder_weight=0.5")
        _, features = self.ema_discriminator(self._scaled(images), training=False)
        return standardized(self.ema_discriminator.encode(features))

    def reconstruct(self, images: tf.Tensor) -> tf.Tensor:
        """Returns what the generator draws of the codes of images, and of their predicted classes if it is conditional.

        Args and errors are those of `encode`.

        Returns:
            float32 [batch, height, width, channels] in 0..255.
        """
        noise, generator = self.encode(images), self.sampler
        classes = tf.argmax(self(images), axis=-1, output_type=tf.int32)
        drawn = generator((noise, classes) if generator.num_classes else noise, training=False)
        return (drawn + 1.0) * 127.5

    def initialize_from_data(self, images: tf.Tensor, *, seed: int | None = None) -> None:
        """Data-dependent initialisation of both networks (arXiv:1602.07868); call it once, before `fit`.

        Args:
            images: uint8 or float [batch, height, width, channels] in 0..255; the paper's code takes 500.
            seed: of the generator's noise; None: drawn by Keras' global generator.

        Raises:
            UsageError: for images of another shape.
        """
        inputs.warn_of_range(images)
        scaled = self._scaled(images)
        noise = self.generator.noise(len(images), seed=seed)
        classes = self.generator.num_classes
        self.generator.initialize_from_data((noise, tf.range(len(images)) % classes) if classes else noise)
        self.discriminator.initialize_from_data(scaled)
        self.reset_ema()

    def state(self) -> dict[str, keras.Variable]:
        """Returns every variable that the next training step depends on, see `ssgan.state.variables`."""
        return state.variables(self)

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Sets every variable of `state`, see `ssgan.state.restore`."""
        state.restore(self, arrays)
        self._step = None

    def test_step(self, batch):
        """Error rates 0..1 on (images, labels): `error` of the EMA weights, `raw_error` of the present ones.

        With a third part, weights or a label_mask, they are weighted means.
        """
        self.test_figures.begin()
        images, labels, weights = inputs.evaluation_batch(batch, self.discriminator.num_classes)
        if replicas.count() > 1:  # one may have none of the last rows, and not every operation bears that
            images, labels, weights = (_with_one_more(rows) for rows in (images, labels, weights))
        logits, _ = self.discriminator(self._scaled(images), training=False)
        for name, outputs in (("error", self(images)), ("raw_error", logits)):
            wrong = tf.argmax(outputs, axis=-1, output_type=tf.int32) != labels
            self.test_figures.update(name, wrong, weights)
        return self.test_figures.means()

    def get_config(self) -> dict:
        return {
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "ema_decay": self.ema_decay,
            "averages_generator": self.ema_generator is not None,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict) -> "SSGAN":
        """Returns the model with these arguments; one of versions before 0.6 has no average of the generator."""
        networks = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("discriminator", "generator")}
        return cls(**{"averages_generator": False, **config, **networks})


def _with_one_more(rows: tf.Tensor) -> tf.Tensor:
    """Returns rows with one of zeros behind them."""
    return tf.pad(rows, [[0, 1], *[[0, 0]] * (len(rows.shape) - 1)])


def _taking_part(name: str, terms: list[Term], passes: Passes) -> list[Term]:
    """Returns the terms that have the rows that they need, of which there must be one for the loss of this name."""
    if found := [term for term in terms if passes.hold(term.needs)]:
        return found
    needed = "; ".join(f"{term.name} needs {', '.join(term.needs)}" for term in terms)
    raise UsageError(f"a step has no images for any term of {name}: {needed or 'there is none'}")


def _regularization(network: keras.Model) -> tf.Tensor:
    """Returns what the regularisers of a network's weights say, float32: a trunk of one's own may have some."""
    said = [weight.regularizer(weight) for weight in network.trainable_variables if weight.regularizer]
    return tf.add_n([tf.cast(one, tf.float32) for one in said]) if said else tf.constant(0.0)


def _descend(optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, loss: tf.Tensor, network: keras.Model):
    variables = network.trainable_variables
    pairs = zip(tape.gradient(loss, variables), variables, strict=True)
    taking_part = [pair for pair in pairs if pair[0] is not None]  # not minibatch discrimination, without the GAN
    optimizer.apply(*zip(*taking_part, strict=True))
