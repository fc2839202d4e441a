"""The terms of the losses: one small class each, around pure functions of logits, features and images."""

from ssgan.terms.adversarial import Adversarial, GeneratorAdversarial
from ssgan.terms.averaging import GeneratorHistoricalAveraging, HistoricalAveraging, HistoricalMean
from ssgan.terms.base import NO_ROWS, Generated, Passes, Rows, Term, check_terms
from ssgan.terms.feature_matching import (
    ClassFeatureMatching,
    FeatureMatching,
    class_feature_matching_loss,
    feature_matching_loss,
)
from ssgan.terms.generated import GeneratedClass, ModeSeeking, generated_class_loss, mode_seeking_loss
from ssgan.terms.generated_labels import GeneratedLabels, generated_label_loss, is_of_class
from ssgan.terms.logits import gan_logits, kplus1_logits, masked_mean
from ssgan.terms.objectives import OBJECTIVES, Objective, check_objective, generated_loss, real_loss
from ssgan.terms.ogan import CodeCorrelation, GeneratorCodeCorrelation, check_codes, correlation, standardized
from ssgan.terms.penalties import R1, R2, GradientPenalty, SlopePenalty
from ssgan.terms.pseudo_labels import ClassFrequencies, PseudoLabels, aligned_logits, is_confident, pseudo_label_loss
from ssgan.terms.smoothness import (
    AdversarialExamples,
    ConsistencyTerm,
    VirtualAdversarial,
    consistency,
    kl_divergence,
    steepest_change,
)
from ssgan.terms.supervised import Supervised, supervised_loss

__all__ = [
    "Adversarial",
    "AdversarialExamples",
    "ClassFeatureMatching",
    "ClassFrequencies",
    "CodeCorrelation",
    "ConsistencyTerm",
    "FeatureMatching",
    "Generated",
    "GeneratedClass",
    "GeneratedLabels",
    "GeneratorAdversarial",
    "GeneratorCodeCorrelation",
    "GeneratorHistoricalAveraging",
    "GradientPenalty",
    "HistoricalAveraging",
    "HistoricalMean",
    "ModeSeeking",
    "NO_ROWS",
    "OBJECTIVES",
    "Objective",
    "Passes",
    "PseudoLabels",
    "R1",
    "R2",
    "Rows",
    "SlopePenalty",
    "Supervised",
    "Term",
    "VirtualAdversarial",
    "aligned_logits",
    "check_codes",
    "check_objective",
    "check_terms",
    "class_feature_matching_loss",
    "consistency",
    "correlation",
    "feature_matching_loss",
    "gan_logits",
    "generated_class_loss",
    "generated_label_loss",
    "generated_loss",
    "is_confident",
    "is_of_class",
    "kl_divergence",
    "kplus1_logits",
    "masked_mean",
    "mode_seeking_loss",
    "pseudo_label_loss",
    "real_loss",
    "standardized",
    "steepest_change",
    "supervised_loss",
]
