"""How a GAN is configured for training: optimizers, terms, phases, views; checked, and saved with the model."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from ssgan import legacy
from ssgan.augment.flips import check_resolved
from ssgan.errors import UsageError
from ssgan.figures import Figures
from ssgan.optimizers import ratio_of_rates, two_optimizers
from ssgan.options import check_option
from ssgan.phases import Phases
from ssgan.replicated import check_replicated, give_own_seeds
from ssgan.schedules import ConstantThenLinear  # noqa: F401  (a saved run names the optimizers' schedule)
from ssgan.shares import check_divides
from ssgan.terms import Adversarial, FeatureMatching, ModeSeeking, Supervised, Term, check_terms
from ssgan.trainer import HostStepped

_OPTIONS = ("updates", "generated_batch", "gan_views", "flip", "shift", "augment")
_PHASES = ("unlabeled_start", "gan_every", "d_steps")
_KERAS_OPTIONS = ("run_eagerly", "steps_per_execution", "jit_compile")


class CompiledGAN(HostStepped):
    """A pair of networks, `discriminator` and `generator`, with what their training needs."""

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer | str | None = None,
        g_optimizer: keras.optimizers.Optimizer | str | None = None,
        *,
        d_terms: Sequence[Term] | None = None,
        g_terms: Sequence[Term] | None = None,
        updates: str = "simultaneous",
        d_steps: int = 1,
        unlabeled_start: int = 0,
        gan_every: int = 1,
        generated_batch: int = 100,
        gan_views: str = "strong",
        flip: str = "no",
        shift: int = 0,
        augment: str = "none",
        **kwargs,
    ) -> None:
        """Configures the training.

        The defaults are the plain GAN of the paper's section 5. The command line has the recipe that the pages
        measure: `ssgan.training.build.compile_gan(gan, ssgan.options.Config(), steps=5_800)`. The number of steps
        done goes on where a model is compiled again.

        Args:
            d_optimizer: optimizer of the discriminator, or its name; `self.optimizer`, which callbacks look for, is it.
            g_optimizer: optimizer of the generator, another one. Where neither has a schedule its learning rate follows
                the discriminator's, in the proportion they have now: a callback that sets one sets both.
            d_terms: terms of the discriminator's loss, see `ssgan.terms`; None: `Supervised()` and `Adversarial()`.
            g_terms: terms of the generator's loss; None: `FeatureMatching()`.
            updates: `alternating` (the paper): the discriminator is updated, then the generator on images of its own,
                see `mixed_batches(generator_batch=...)`; `simultaneous`: one forward pass serves both.
            d_steps, unlabeled_start, gan_every: which kind of step is due when, see `ssgan.phases.Phases`.
            generated_batch: generated images per update.
            gan_views: `strong`: the GAN sees real images in the views that the classifier learns from; `weak`: flipped
                and shifted only, by a further pass. Generated images are seen likewise.
            flip, shift, augment: how every image is changed, see `ssgan.augment.two_views`.
            **kwargs: `run_eagerly` and `steps_per_execution` of `keras.Model.compile`.

        Raises:
            UsageError: for an option out of its bounds, which are those of the command line, for losses and metrics,
                which `SSGAN` has itself, and for optimizers that are missing, shared, or average weights.
            ValueError: for networks in float16.
        """
        given = dict(locals())
        for name in (*_OPTIONS, "gan_every", "d_steps"):
            check_option(name, given[name])
        check_resolved(flip)
        if type(unlabeled_start) is not int or unlabeled_start < 0:  # the command line's is a fraction of the training
            raise UsageError(f"unlabeled_start={unlabeled_start!r}: expected a number of steps, an integer from 0 on")
        for name in kwargs.keys() & {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"}:
            raise UsageError(
                f"{name}={kwargs[name]!r}: SSGAN has its own losses and metrics and one optimizer for each network; "
                "leave it out and give d_optimizer=, g_optimizer=, d_terms= and g_terms="
            )
        optimizers = two_optimizers(d_optimizer, g_optimizer)
        d_terms, g_terms = check_terms(
            [Supervised(), Adversarial()] if d_terms is None else d_terms,
            [FeatureMatching()] if g_terms is None else g_terms,
        )
        if kwargs.get("jit_compile"):
            raise UsageError("jit_compile=True: XLA has no error in words, and is slower on CPUs; leave it out")
        terms = [*d_terms, *g_terms]
        for term in terms:
            term.check(self.discriminator, self.generator, terms)
        if "float16" in (self.discriminator.compute_dtype, self.generator.compute_dtype):
            raise ValueError("float16 would need a loss scale for each optimizer; use mixed_bfloat16 or float32")
        strategy = self.distribute_strategy
        check_replicated(strategy, optimizers, self.discriminator.layers)
        if strategy.num_replicas_in_sync > 1:
            pairs = any(isinstance(term, ModeSeeking) for term in terms)  # of images of one class
            check_divides("generated_batch", generated_batch, strategy.num_replicas_in_sync, pairs=pairs)
            give_own_seeds(self.discriminator.layers)
        # optimizer=None: Keras would otherwise add an optimizer of its own.
        super().compile(optimizer=None, **{"jit_compile": False, **kwargs})
        self.d_optimizer, self.g_optimizer = optimizers
        self.optimizer = self.d_optimizer
        self._rate_ratio = ratio_of_rates(*optimizers)
        self.d_terms, self.g_terms = d_terms, g_terms
        self.updates, self.generated_batch, self.gan_views = updates, generated_batch, gan_views
        self.flip, self.shift, self.augment = flip, shift, augment
        self.phases = Phases(
            unlabeled_start=unlabeled_start,
            gan_every=gan_every,
            d_steps=d_steps,
            has_gan=any("generated" in term.needs for term in terms),
            trains_generator=bool(g_terms),
        )
        for term in terms:
            term.follow(self.generator if term in g_terms else self.discriminator)
        # Built here, because an optimizer that is built later is skipped when a saved model is restored.
        self.d_optimizer.build(self.discriminator.trainable_variables)
        self.g_optimizer.build(self.generator.trainable_variables)
        self.train_figures = Figures(
            ["d_loss", "g_loss", *(term.name for term in terms), *(name for term in terms for name in term.watched)]
        )

    @property
    def histories(self) -> list[keras.layers.Layer]:
        """What terms keep from step to step; Keras looks through a model's attributes for what it is to save."""
        terms = [*getattr(self, "d_terms", ()), *getattr(self, "g_terms", ())]
        return [term.history for term in terms if term.history is not None]

    def get_compile_config(self) -> dict | None:
        """Returns the arguments of `compile`; None before it was called."""
        if not self.compiled:
            return None
        self.match_rates()  # the generator may not have been updated since the discriminator's was set
        serialized = {
            key: keras.saving.serialize_keras_object(getattr(self, key))
            for key in ("d_optimizer", "g_optimizer", "d_terms", "g_terms")
        }
        phases = {name: getattr(self.phases, name) for name in _PHASES}
        return {**serialized, **phases, **{name: getattr(self, name) for name in (*_OPTIONS, *_KERAS_OPTIONS)}}

    def compile_from_config(self, config: dict) -> None:
        """Compiles as `get_compile_config` says, of this or an earlier version."""
        config = legacy.of_today(config)
        objects = {
            key: keras.saving.deserialize_keras_object(config[key])
            for key in ("d_optimizer", "g_optimizer", "d_terms", "g_terms")
        }
        self.compile(**{**config, **objects})

    def step_kind(self) -> str:
        """Returns the kind of the step that is due, see `ssgan.phases`."""
        return self.phases.kind(self.step)

    def match_rates(self) -> None:
        """Sets the generator's learning rate by the discriminator's, where neither has a schedule."""
        if self._rate_ratio is not None:
            d_rate = tf.cast(self.d_optimizer.learning_rate, tf.float64)  # so that the product is the rate as compiled
            self.g_optimizer.learning_rate = tf.cast(self._rate_ratio * d_rate, tf.float32)
