"""What the options of a run mean: how many steps, which batches, which model and optimizers."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from ssgan import Discriminator, Generator, hardware, terms
from ssgan.batches import masked_batches, mixed_batches
from ssgan.gan import SSGAN
from ssgan.models import dense_trunk, is_row
from ssgan.muon import ConvMuon
from ssgan.options import DEFAULT_STEPS, Config
from ssgan.schedules import ConstantThenLinear
from ssgan.shares import check_divides

if TYPE_CHECKING:
    from ssgan.data import Source


def total_steps(config: Config, *, num_unlabeled: int) -> int:
    """Returns the number of training steps, from `total_steps` or `total_epochs`, rounded up to a whole step."""
    if config.total_epochs is not None:
        return -(-config.total_epochs * num_unlabeled // config.unlabeled_batch)
    return config.total_steps or DEFAULT_STEPS


def batches(
    config: Config,
    images: "Source",
    label_mask: np.ndarray,
    *,
    unlabeled: np.ndarray,
    steps: int | None,
    start: int = 0,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Returns the training batches that the options ask for, from step `start` on; see `ssgan.batches`."""
    # The alternating generator update looks at images of its own, the supervised baseline at no unlabelled image.
    own = config.generated_batch if config.updates == "alternating" and config.gan_weight else 0
    unlabeled_batch = 0 if is_baseline(config) else config.unlabeled_batch
    numbers: dict[str, Any] = {"steps": steps, "start": start, "input_context": input_context}
    shared: dict[str, Any] = {"unlabeled": unlabeled, "seed": config.seed, **numbers}
    arrays = (images, images.labels, label_mask)
    if config.batching == "masked":
        return masked_batches(*arrays, batch=unlabeled_batch + own or config.unlabeled_batch, **shared)
    return mixed_batches(
        *arrays,
        labeled_batch=config.labeled_batch if config.has_labels else 0,
        unlabeled_batch=unlabeled_batch,
        generator_batch=own,
        **shared,
    )


def check_batches(config: Config, replicas: int) -> None:
    """Raises a UsageError, with numbers that would do, for batches that cannot be cut for so many replicas."""
    if replicas == 1:
        return
    sizes = {"labeled_batch": config.has_labels and config.batching == "mixed", "unlabeled_batch": True}
    sizes["generated_batch"] = config.gan_weight > 0
    for name, has_part in sizes.items():
        if has_part:
            pairs = name == "generated_batch" and config.mode_seeking_weight > 0
            check_divides(f"--{name}", getattr(config, name), replicas, pairs=pairs)


def is_baseline(config: Config) -> bool:
    """Tells whether the options ask for the supervised baseline, which sees no unlabelled image."""
    of_unlabeled = (config.gan_weight, config.pseudo_label_weight, config.vat_weight, config.consistency_term_weight)
    return not any(of_unlabeled)


def unlabeled_start(config: Config, *, steps: int) -> int:
    """Returns the number of steps in which the labelled images alone are learned from, before the others take part."""
    has_both = config.has_labels and config.batching == "mixed" and not is_baseline(config)
    return round(config.unlabeled_start * steps) if has_both else 0


def build(config: Config, *, image_shape: tuple[int, int, int], num_classes: int, steps: int) -> SSGAN:
    """Returns the compiled model that the options ask for; of rows that are no image, with a dense discriminator."""
    trunk = dense_trunk(image_shape[1]) if is_row(image_shape) else None
    dtype = hardware.dtype_policy(config.precision)
    gan = SSGAN(
        Discriminator(
            num_classes,
            arch=config.arch,
            trunk=trunk,
            pooling=config.pooling,
            normalization=config.normalization,
            minibatch_features=config.minibatch_features,
            encoding=config.latent_dim if config.encoder_weight else 0,
            input_noise=config.input_noise,
            hidden_noise=config.hidden_noise,
            dropout=config.dropout,
            weight_noise=config.weight_noise,
            dtype=dtype,
        ),
        Generator(
            image_shape,
            width=config.generator_width,
            latent_dim=config.latent_dim,
            latent=config.latent,
            design=config.generator,
            normalization=config.generator_normalization,
            num_classes=num_classes if config.conditional else 0,
            dtype=dtype,
        ),
        ema_decay=config.ema_decay,
    )
    compile_gan(gan, config, steps=steps)
    return gan


def d_terms(config: Config, *, steps: int) -> list[terms.Term]:
    """Returns the terms of the discriminator's loss, in a training of so many steps."""
    classes = config.has_labels  # a plain GAN names none
    # Of what papers add to R + F; `Adversarial` is half of that sum.
    in_proportion = 0.5 * config.gan_weight
    every = [
        (classes, terms.Supervised()),
        (
            True,
            terms.Adversarial(
                config.gan_weight,
                objective=config.objective,
                label_smoothing=config.label_smoothing,
                label_noise=config.label_noise,
            ),
        ),
        (True, terms.R1(in_proportion * config.r1_weight)),
        (True, terms.R2(in_proportion * config.r2_weight)),
        (True, terms.GradientPenalty(in_proportion * config.gradient_penalty_weight)),
        (True, terms.HistoricalAveraging(config.historical_averaging_weight)),
        (True, terms.CodeCorrelation(in_proportion * config.encoder_weight)),
        (
            classes,
            terms.PseudoLabels(
                config.pseudo_label_weight,
                threshold=config.pseudo_label_threshold,
                alignment=config.pseudo_label_alignment,
            ),
        ),
        (
            config.conditional,
            terms.GeneratedLabels(
                config.generated_labels,
                threshold=config.pseudo_label_threshold,
                start=round(config.generated_labels_start * steps),
            ),
        ),
        (classes, terms.VirtualAdversarial(config.vat_weight, radius=config.vat_radius)),
        (
            classes,
            terms.AdversarialExamples(
                config.adversarial_examples_weight,
                radius=config.vat_radius,
                norm=config.adversarial_examples_norm,
            ),
        ),
        (classes, terms.ConsistencyTerm(config.consistency_term_weight)),
    ]
    return [term for has_part, term in every if has_part and term.weight]


def g_terms(config: Config) -> list[terms.Term]:
    """Returns the terms of the generator's loss; none where there is no generator."""
    every = [
        (True, terms.FeatureMatching(config.feature_matching_weight, distance=config.feature_matching)),
        (
            config.conditional,
            terms.ClassFeatureMatching(config.class_feature_matching_weight, threshold=config.pseudo_label_threshold),
        ),
        (config.conditional, terms.GeneratedClass(config.generated_class_weight)),
        (True, terms.ModeSeeking(config.mode_seeking_weight)),
        (True, terms.GeneratorAdversarial(config.adversarial_weight, objective=config.objective)),
        (True, terms.GeneratorCodeCorrelation(config.encoder_weight)),
        (True, terms.GeneratorHistoricalAveraging(config.historical_averaging_weight)),
    ]
    return [term for has_part, term in every if has_part and term.weight] if config.gan_weight else []


def compile_gan(gan: SSGAN, config: Config, *, steps: int, rate_factor: float = 1.0) -> None:
    """Compiles a model as the options ask: optimizers at their beginning, the learning rate times a factor."""
    gan_every = config.gan_every if config.has_labels else 1  # without labels there is nothing else to learn from
    start = unlabeled_start(config, steps=steps)
    g_every = gan_every * config.d_steps

    def rate(peak: float, *, first_step: int, every: int) -> ConstantThenLinear:
        when = {"total_steps": steps, "first_step": first_step, "every": every}
        return ConstantThenLinear(rate_factor * peak, decay_start=config.decay_start, **when)

    d_rate = rate(config.learning_rate, first_step=0, every=1)
    g_peak = config.learning_rate if config.generator_learning_rate is None else config.generator_learning_rate
    g_rate = rate(g_peak, first_step=-(-start // g_every) * g_every, every=g_every)
    with gan.distribute_strategy.scope():
        gan.compile(
            ConvMuon(d_rate) if config.optimizer == "muon" else keras.optimizers.Adam(d_rate, beta_1=0.5),
            keras.optimizers.Adam(g_rate, beta_1=0.5),
            d_terms=d_terms(config, steps=steps),
            g_terms=g_terms(config),
            updates=config.updates,
            d_steps=config.d_steps,
            unlabeled_start=start,
            gan_every=gan_every,
            generated_batch=config.generated_batch,
            gan_views=config.gan_views,
            flip=config.flip,
            shift=config.shift,
            augment=config.augment,
        )
