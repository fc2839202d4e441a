"""The terms of the losses: one small class each, around pure functions of logits, features and images."""

from ssgan.terms.adversarial import Adversarial, generated_loss, real_loss
from ssgan.terms.base import NO_ROWS, Passes, Rows, Term, check_terms
from ssgan.terms.feature_matching import FeatureMatching, feature_matching_loss
from ssgan.terms.logits import gan_logits, kplus1_logits, masked_mean
from ssgan.terms.ogan import check_codes, correlation, standardized
from ssgan.terms.penalties import R1
from ssgan.terms.pseudo_labels import PseudoLabels, is_confident, pseudo_label_loss
from ssgan.terms.smoothness import VirtualAdversarial, kl_divergence
from ssgan.terms.supervised import Supervised, supervised_loss

__all__ = [
    "NO_ROWS",
    "Adversarial",
    "FeatureMatching",
    "Passes",
    "PseudoLabels",
    "R1",
    "Rows",
    "Supervised",
    "Term",
    "VirtualAdversarial",
    "check_codes",
    "check_terms",
    "correlation",
    "feature_matching_loss",
    "gan_logits",
    "generated_loss",
    "is_confident",
    "kl_divergence",
    "kplus1_logits",
    "masked_mean",
    "pseudo_label_loss",
    "real_loss",
    "standardized",
    "supervised_loss",
]
