"""Options that do not go together: each such combination with what is wrong with it and what to do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ssgan.errors import UsageError

if TYPE_CHECKING:
    from ssgan.options.config import Config

_SLOPE = ("r1_weight", "r2_weight", "gradient_penalty_weight")
OF_GAN = (  # options that have no part where there is no generator
    *("minibatch_features", "generator_learning_rate", "adversarial_weight", "mode_seeking_weight"),
    *("class_feature_matching_weight", "generated_labels", "encoder_weight", "label_noise", *_SLOPE),
    *("objective", "label_smoothing", "generator", "generator_normalization"),
)
UNBOUNDED = ("wasserstein", "ipm")  # objectives without a minimum where nothing bounds the slope
_SMOOTHED = ("gan", "gan_saturating", "lsgan")


def check_combinations(config: "Config") -> None:
    """Raises a UsageError for the first of them that options hold."""
    for words in [*_of_duration_and_images(config), *_of_networks(config), *_of_losses(config)]:
        raise UsageError(words)


def generator_losses(config: "Config") -> list[str]:
    """Returns the names of the weights of the generator's loss by which it learns what real images are like."""
    of_classes = ["generated_class_weight", "class_feature_matching_weight"] if config.conditional else []
    return ["feature_matching_weight", "adversarial_weight", *of_classes]


def _of_duration_and_images(config: "Config") -> Iterator[str]:
    if config.total_steps is not None and config.total_epochs is not None:
        yield (
            f"two durations at once: --total_steps={config.total_steps} and --total_epochs={config.total_epochs}; "
            "give one of them"
        )
    if config.images is None and (given := config.without_images()):
        yield f"{', '.join(given)} without --images; expected the folder of your pictures by --images"
    if config.images is not None and (not config.reads_folder or config.train_images is not None):
        yield (
            f"--images={config.images} beside --dataset={config.dataset} or --train_images={config.train_images}; take "
            "the pictures of a folder, or a data set, of which the first images may be taken"
        )
    if config.labels == 0 and config.gan_weight == 0:
        yield "--labels=0 and --gan_weight=0 leave nothing to learn from; raise one of them"


def _of_networks(config: "Config") -> Iterator[str]:
    has_batch_norm, slope = config.arch == "article", [name for name in _SLOPE if getattr(config, name)]
    if config.normalization != "weight" and has_batch_norm:
        yield f"{_shown(config, 'normalization', 'arch')}: its batch norm would undo it; take another --arch"
    if slope and has_batch_norm:
        yield (
            f"{_shown(config, slope[0], 'arch')}: it needs a gradient for each image, and batch norm mixes them; take "
            "another --arch"
        )
    if slope and config.minibatch_features:
        yield (
            f"{_shown(config, slope[0], 'minibatch_features')}: the former needs a gradient for each image, and "
            "minibatch discrimination mixes them; leave one of them out"
        )
    second_pass = [name for name in ("consistency_term_weight", "generated_labels") if getattr(config, name)]
    if second_pass and has_batch_norm:
        yield (
            f"{_shown(config, second_pass[0], 'arch')}: its second pass would have other statistics in the batch norm; "
            "take another --arch"
        )
    if config.weight_noise and (has_batch_norm or config.normalization == "none"):
        yield (
            f"{_shown(config, 'weight_noise', 'arch', 'normalization')}: its convolutions are plain ones; take "
            "--normalization=weight or spectral, and another --arch than article"
        )
    if config.dropout and config.arch == "tiny":
        yield f"{_shown(config, 'dropout', 'arch')}: it has no dropout; take --hidden_noise, or another --arch"
    if config.generator == "self_modulated" and config.generator_normalization == "virtual":
        yield (
            f"{_shown(config, 'generator', 'generator_normalization')}: its modulation is part of its batch norms; "
            "leave one of them out"
        )
    if config.minibatch_features and min(config.generated_batch, config.unlabeled_batch) < 2:
        yield (
            f"{_shown(config, 'minibatch_features', 'generated_batch', 'unlabeled_batch')}: it compares the images of "
            "a batch; take 2 or more of each"
        )


def _of_losses(config: "Config") -> Iterator[str]:
    if config.gan_weight and not any(getattr(config, name) for name in generator_losses(config)):
        weights = ", ".join(f"--{name}=0" for name in generator_losses(config))
        yield f"{weights}: the generator would learn nothing; raise one of them, or take --gan_weight=0"
    tells_class = config.generated_class_weight or config.class_feature_matching_weight
    if config.conditional and not tells_class:
        yield (
            "--conditional, --generated_class_weight=0 and --class_feature_matching_weight=0: nothing would tell the "
            "generator what a class looks like; raise one of them, or take --noconditional"
        )
    smooth = ("vat_weight", "adversarial_examples_weight", "consistency_term_weight")
    if config.labels == 0 and (of_predictions := [name for name in smooth if getattr(config, name)]):
        yield (
            f"{_shown(config, of_predictions[0], 'labels')}: without labels there are no predictions to hold steady; "
            "leave one of them out"
        )
    of_classes = ("class_feature_matching_weight", "generated_labels")
    if not config.conditional and (without := [name for name in of_classes if getattr(config, name)]):
        if config.labels == 0:
            yield f"{_shown(config, without[0], 'labels')}: without labels there are no classes; leave one of them out"
        else:
            yield f"{_shown(config, without[0])} without --conditional: the generator draws no classes; add it"
    if config.gan_weight and config.mode_seeking_weight and config.generated_batch < 2:
        yield (
            f"{_shown(config, 'mode_seeking_weight', 'generated_batch')}: mode seeking compares two generated images; "
            "take 2 or more"
        )
    if config.encoder_weight and (config.latent != "normal" or config.latent_dim < 3):
        yield (
            f"{_shown(config, 'encoder_weight', 'latent', 'latent_dim')}: O-GAN standardises noise of three numbers or "
            "more; take --latent=normal and --latent_dim=3 or more"
        )
    if config.label_smoothing and config.objective not in _SMOOTHED:
        yield (
            f"{_shown(config, 'label_smoothing', 'objective')}: its target is no probability that could be smoothed; "
            f"leave it out, or take {', '.join(_SMOOTHED)}"
        )
    if config.objective in UNBOUNDED and not config.gradient_penalty_weight:
        yield (
            f"--objective={config.objective} has no minimum unless the slope of the discriminator is bounded; add "
            "--gradient_penalty_weight=10"
        )
    if config.objective == "gan_saturating" and not config.adversarial_weight and config.gan_weight:
        yield (
            "--objective=gan_saturating and --adversarial_weight=0: it differs from gan in the generator's side alone, "
            "which has no part; add --adversarial_weight=1"
        )


def _shown(config: "Config", *names: str) -> str:
    return " and ".join(f"--{name}={getattr(config, name)}" for name in names)
