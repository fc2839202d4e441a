"""The terms of the losses, and when they are computed."""

import dataclasses

from ssgan.options.declare import option, weight
from ssgan.options.groups.group import Group


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gan(Group):
    """The GAN's part of the losses, and when it is computed. See also generator_loss, penalties, networks, noise."""

    updates: str = option(
        "simultaneous",
        "simultaneous: one forward pass serves both updates; alternating: D, then G on images of its own (the paper).",
        choices=("alternating", "simultaneous"),
    )
    d_steps: int = option(1, "Discriminator updates per generator update.", low=1, high=1000)
    gan_every: int = option(
        1,
        "After --unlabeled_start, the GAN takes part in every so-manyth step; in the others, the other losses alone.",
        low=1,
        high=1000,
    )
    gan_weight: float = weight(
        1.0,
        "Weight of the GAN's unsupervised loss; 0: no generator, and the other options of the GAN have no part. The "
        "supervised baseline: the other weights 0, too.",
    )
    objective: str = option(
        "gan",
        "What the two networks minimise: gan (the paper), gan_saturating, least squares (lsgan, lsgan_symmetric), "
        "hinge, wasserstein and ipm (they need a gradient penalty), exponential, or an f-divergence (kl to jeffrey). "
        "The generator's side is weighted by --adversarial_weight.",
        choices=(
            *("gan", "gan_saturating", "lsgan", "lsgan_symmetric", "hinge", "wasserstein", "ipm", "exponential"),
            *("kl", "reverse_kl", "pearson", "neyman", "hellinger", "js", "tv", "jeffrey"),
        ),
    )
    gan_views: str = option(
        "weak",
        "weak: the GAN sees real and generated images flipped and shifted only, by a further pass, so that no changed "
        "colour passes for real; strong: in the views that the classifier learns from, see --augment.",
        choices=("strong", "weak"),
    )
    label_smoothing: float = option(0.0, "One-sided smoothing of the real target, 1 - this.", low=0.0, high=0.5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeneratorLoss(Group):
    """The loss of the generator: weights of its terms; and its images as further labelled ones."""

    feature_matching_weight: float = weight(
        1.0,
        "Weight of feature matching: mean features of generated images as of real ones (arXiv:1606.03498).",
    )
    feature_matching: str = option("l1", "Distance between mean features.", choices=("l1", "squared"))
    adversarial_weight: float = weight(
        0.0,
        "Weight, in the generator's loss, of being taken for real, as --objective has it; 0 for none.",
    )
    class_feature_matching_weight: float = weight(
        0.0,
        "Weight of feature matching within each class, of a --conditional generator; real images are of the class that "
        "they are confidently predicted to be of, see --pseudo_label_threshold.",
    )
    generated_class_weight: float = weight(
        1.0,
        "Weight of the class that a --conditional generator was told: its image shall be real and of this class "
        "(arXiv:1703.02000).",
    )
    generated_labels: float = weight(
        0.0,
        "Weight, in the discriminator's loss, of generated images as labelled ones (arXiv:1703.02291): those of a "
        "--conditional generator that are taken for their class, see --pseudo_label_threshold; 0 for none.",
    )
    generated_labels_start: float = option(
        0.5, "Fraction of training after which --generated_labels has a part.", low=0.0, high=1.0
    )
    encoder_weight: float = weight(
        0.0,
        "O-GAN (arXiv:1903.01931): the discriminator encodes images, too, and generated ones as their noise; weight in "
        "the loss of both networks, 0 for none, the paper takes 0.5. With --latent=normal.",
    )
    mode_seeking_weight: float = weight(
        0.3,
        "Weight of mode seeking: other noise shall give another image (arXiv:1903.05628), where a --conditional "
        "generator otherwise may draw one image a class; 0 for none.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Penalties(Group):
    """Penalties on the slope of the discriminator, and on the way of the weights."""

    r1_weight: float = weight(
        0.0,
        "Weight of the squared gradient at real images (R1, arXiv:1801.04406), in the GAN's steps; 0 for none, the "
        "paper takes 10. Not with batch norm.",
    )
    r2_weight: float = weight(0.0, "The same at generated images (R2).")
    gradient_penalty_weight: float = weight(
        0.0,
        "Weight of the squared distance of the slope from 1 between real and generated images (WGAN-GP, "
        "arXiv:1704.00028), in the GAN's steps; 0 for none, the paper takes 10. Not with batch norm.",
    )
    historical_averaging_weight: float = weight(
        0.0,
        "Weight of the squared distance of both networks' weights from their mean so far (arXiv:1606.03498, 3.3); 0 "
        "for none.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PseudoLabels(Group):
    """Confident predictions as labels of changed images (FixMatch)."""

    pseudo_label_weight: float = weight(
        1.0,
        "Weight of the loss that holds predictions for augmented unlabelled images to the confident ones "
        "for the unchanged images (pseudo-labels, FixMatch); 0 for none.",
    )
    pseudo_label_threshold: float = option(
        0.95, "Probability from which on a prediction counts as confident.", low=0.0, high=1.0
    )
    pseudo_label_alignment: float = option(
        0.0,
        "How far predictions are first made as frequent in each class as the labels are (distribution alignment, "
        "arXiv:1911.09785): 0, not at all; 1, wholly. For very few labels; with enough of them it costs error.",
        low=0.0,
        high=1.0,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Smoothness(Group):
    """Predictions that are steady under small changes: virtual adversarial training, and others."""

    vat_weight: float = weight(
        0.0,
        "Weight of virtual adversarial training (arXiv:1704.03976): predictions are held steady under the small change "
        "of an unlabelled image that alters them most; 0 for none, 1 is usual. A step takes 1.3 to 1.6 times as long.",
    )
    vat_radius: float = option(
        0.05,
        "Size of the change in virtual adversarial training: root mean square of a pixel, for pixels in -1..1.",
        low=0.001,
        high=1.0,
    )
    adversarial_examples_weight: float = weight(
        0.0,
        "Weight of the labels of labelled images that are changed a little, against the net (arXiv:1412.6572); 0 for "
        "none. Of the size of --vat_radius.",
    )
    adversarial_examples_norm: str = option(
        "l2",
        "Shape of that change: l2, along the gradient; sign, every pixel by as much (the paper's fast gradient sign).",
        choices=("l2", "sign"),
    )
    consistency_term_weight: float = weight(
        0.0,
        "Weight of the consistency term (arXiv:1803.01541): predictions for unlabelled images are held steady under "
        "dropout and noise; 0 for none, the paper takes 0.5. A further pass.",
    )
