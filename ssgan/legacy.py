"""Configurations of `SSGAN.compile` that were saved before its losses were lists of terms."""

from typing import Any

import keras

from ssgan.terms import Adversarial, FeatureMatching, PseudoLabels, Supervised, VirtualAdversarial

_KEPT = (
    *("d_optimizer", "g_optimizer", "updates", "d_steps", "unlabeled_start", "gan_every", "generated_batch"),
    *("shift", "augment", "run_eagerly", "steps_per_execution"),  # not jit_compile, which never worked
)


def of_today(config: dict[str, Any]) -> dict[str, Any]:
    """Returns a saved configuration with terms in place of the weights that versions before 0.3 had."""
    if "d_terms" in config:
        return config
    gan, labels = config.get("unsupervised_weight", 1.0), config.get("consistency_weight", 0.0)
    smoothness = config.get("vat_weight", 0.0)
    d_terms = [
        Supervised(),
        *([Adversarial(gan, label_smoothing=config.get("label_smoothing", 0.0))] if gan else []),
        *([PseudoLabels(labels, threshold=config["consistency_threshold"])] if labels else []),
        *([VirtualAdversarial(smoothness, radius=config.get("vat_radius", 0.05))] if smoothness else []),
    ]
    g_terms = [FeatureMatching(distance=config.get("feature_matching", "l1"))] if gan else []
    if isinstance(config.get("augment"), bool):
        config = {**config, "augment": "color" if config["augment"] else "none"}
    return {
        **{name: config[name] for name in _KEPT if name in config},
        "d_terms": keras.saving.serialize_keras_object(d_terms),
        "g_terms": keras.saving.serialize_keras_object(g_terms),
    }
