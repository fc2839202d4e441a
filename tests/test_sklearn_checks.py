"""What scikit-learn asks of every estimator."""

from sklearn.utils.estimator_checks import parametrize_with_checks

import ssgan

# Few steps, and of one kind: most of the time goes into making networks and tracing a step.
QUICK = ssgan.SSGANClassifier(total_steps=12, learning_rate=0.02, unlabeled_start=0.0, gan_weight=0.0)
EXPECTED = {"check_classifiers_classes": "it takes -1 for a class; here it says that there is no label"}


@parametrize_with_checks([QUICK], expected_failed_checks=lambda estimator: EXPECTED)
def test_scikit_learn(estimator, check):
    check(estimator)
