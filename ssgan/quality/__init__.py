"""How good generated images are: measures of fixed features and of classes, each to be read beside real images."""

from ssgan.quality.collapse import Collapse, InARow, RealClasses, collapse_in_words, find_collapse, real_classes
from ssgan.quality.comparison import Sample, compare
from ssgan.quality.duplicates import Birthday, birthday
from ssgan.quality.features import digest, features_of, outputs_of, random_net, trained_net
from ssgan.quality.frechet import frechet_distance
from ssgan.quality.kernel import KernelDistance, kernel_distance, squared_discrepancy
from ssgan.quality.modes import ClassModes, class_modes
from ssgan.quality.neighbours import PRDC, one_nearest_neighbour_accuracy, precision_recall_density_coverage
from ssgan.quality.score import classification_accuracy_score
from ssgan.quality.variety import within_class_variety

__all__ = [
    "PRDC",
    "Birthday",
    "ClassModes",
    "Collapse",
    "InARow",
    "KernelDistance",
    "RealClasses",
    "Sample",
    "birthday",
    "class_modes",
    "classification_accuracy_score",
    "collapse_in_words",
    "compare",
    "digest",
    "features_of",
    "find_collapse",
    "frechet_distance",
    "kernel_distance",
    "one_nearest_neighbour_accuracy",
    "outputs_of",
    "precision_recall_density_coverage",
    "random_net",
    "real_classes",
    "squared_discrepancy",
    "trained_net",
    "within_class_variety",
]
