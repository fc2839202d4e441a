"""The losses of the semi-supervised GAN: pure functions of float32 logits and features.

The discriminator's `K` class logits `l` stand for `K + 1` classes: the logit of the last one, "generated", is
fixed at 0 (Salimans et al. 2016, arXiv:1606.03498, section 5). Hence `p(real | x) = Z / (Z + 1)` with
`log Z = logsumexp(l)`, the *GAN logit*.
"""

import tensorflow as tf


def gan_logits(logits: tf.Tensor) -> tf.Tensor:
    """Returns the logit of "real": `logsumexp(l)`, for which `p(real | x) = sigmoid(logsumexp(l))`.

    Reference: arXiv:1606.03498, section 5, `D(x) = Z(x) / (Z(x) + 1)`.

    Args:
        logits: class logits, float [batch, K].

    Returns:
        float32 [batch].
    """
    return tf.reduce_logsumexp(tf.cast(logits, tf.float32), axis=-1)


def kplus1_logits(logits: tf.Tensor) -> tf.Tensor:
    """Returns the explicit view of the `K + 1` classes: a fixed logit 0 for "generated" is appended.

    Args:
        logits: class logits, float [batch, K].

    Returns:
        float32 [batch, K + 1], the last column zero.
    """
    return tf.pad(tf.cast(logits, tf.float32), [[0, 0], [0, 1]])


def masked_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns the mean of the values whose mask is true, and 0 where there is none.

    Args:
        values: float32 [batch].
        mask: bool [batch].

    Returns:
        float32 scalar. Masked-out values have no influence, not even when they are NaN.
    """
    kept = tf.where(mask, values, 0.0)
    return tf.math.divide_no_nan(tf.reduce_sum(kept), tf.reduce_sum(tf.cast(mask, tf.float32)))


def supervised_loss(logits: tf.Tensor, labels: tf.Tensor, label_mask: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the class labels, a mean over the labelled rows.

    Reference: arXiv:1606.03498, section 5, `L_supervised = -E log p(y | x, y < K + 1)`.

    Args:
        logits: class logits, float [batch, K].
        labels: integer [batch]; where `label_mask` is false any value is allowed and none is read.
        label_mask: bool [batch], true where the label may be used.

    Returns:
        float32 scalar in nats; 0 when no row is labelled.
    """
    visible = tf.where(label_mask, tf.cast(labels, tf.int32), 0)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=visible, logits=tf.cast(logits, tf.float32))
    return masked_mean(losses, label_mask)


def real_loss(gan_logits: tf.Tensor, *, label_smoothing: float = 0.0) -> tf.Tensor:
    """Cross-entropy of "real" for unlabelled images, `-(1 - s) log D(x) - s log(1 - D(x))`.

    Reference: arXiv:1606.03498, section 5 (`L_unsupervised`) and 3.4 (one-sided label smoothing).

    Args:
        gan_logits: float [batch], see `gan_logits`.
        label_smoothing: `s`, 0..0.5; 0 is the paper's semi-supervised loss.

    Returns:
        float32 [batch] in nats, one loss per row.
    """
    logits = tf.cast(gan_logits, tf.float32)
    return tf.nn.softplus(-logits) + label_smoothing * logits


def generated_loss(gan_logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of "generated" for generated images, `-log(1 - D(G(z)))`.

    Reference: arXiv:1606.03498, section 5 (`L_unsupervised`).

    Args:
        gan_logits: float [batch], see `gan_logits`.

    Returns:
        float32 [batch] in nats, one loss per row.
    """
    return tf.nn.softplus(tf.cast(gan_logits, tf.float32))


def feature_matching_loss(
    real_features: tf.Tensor, generated_features: tf.Tensor, *, distance: str = "l1"
) -> tf.Tensor:
    """Distance between the mean features of real and of generated images, the generator's loss.

    Reference: arXiv:1606.03498, section 3.1, `|| E f(x) - E f(G(z)) ||^2`; the paper's SVHN and CIFAR-10 code takes
    the mean absolute difference.

    Args:
        real_features: float [batch, features]; no gradient flows into them.
        generated_features: float [batch', features].
        distance: `l1` (mean absolute difference) or `squared` (mean squared difference).

    Returns:
        float32 scalar.

    Raises:
        ValueError: for another distance.
    """
    if distance not in ("l1", "squared"):
        raise ValueError(f"distance={distance!r}: expected 'l1' or 'squared'")
    real_mean = tf.stop_gradient(tf.reduce_mean(tf.cast(real_features, tf.float32), axis=0))
    difference = real_mean - tf.reduce_mean(tf.cast(generated_features, tf.float32), axis=0)
    return tf.reduce_mean(tf.abs(difference) if distance == "l1" else tf.square(difference))


def pseudo_label_loss(logits: tf.Tensor, weak_logits: tf.Tensor, *, threshold: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Cross-entropy of a strongly changed view against the confident predictions for the unchanged view.

    Reference: Sohn et al. 2020, "FixMatch", arXiv:2001.07685, equation 4.

    Args:
        logits: class logits of the strong views, float [batch, K].
        weak_logits: class logits of the same images unchanged, float [batch, K]; no gradient flows into them.
        threshold: probability, 0..1, from which on a prediction counts as a label.

    Returns:
        The loss, float32 scalar in nats: a sum over the confident rows, divided by all rows (0 when there are no rows);
        and which rows are confident, bool [batch].
    """
    probabilities = tf.nn.softmax(tf.stop_gradient(tf.cast(weak_logits, tf.float32)))
    confident = tf.reduce_max(probabilities, axis=-1) >= threshold
    targets = tf.argmax(probabilities, axis=-1)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=tf.cast(logits, tf.float32))
    return _mean(tf.where(confident, losses, 0.0)), confident


def kl_divergence(target_logits: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Kullback-Leibler divergence of predictions from target predictions, `KL(target || prediction)`.

    With the logits of images as targets, and those of the same images after `r` as predictions, it is the local
    distributional smoothness of virtual adversarial training: Miyato et al. 2018, arXiv:1704.03976, equation 5.

    Args:
        target_logits: class logits, float [batch, K]; no gradient flows into them.
        logits: class logits, float [batch, K].

    Returns:
        float32 scalar in nats, a mean over the rows; 0 when there are none.
    """
    target = tf.nn.log_softmax(tf.stop_gradient(tf.cast(target_logits, tf.float32)))
    difference = target - tf.nn.log_softmax(tf.cast(logits, tf.float32))
    return _mean(tf.reduce_sum(tf.exp(target) * difference, axis=-1))


def _mean(values: tf.Tensor) -> tf.Tensor:
    return masked_mean(values, tf.ones_like(values, tf.bool))
