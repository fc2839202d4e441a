"""What the `K` class logits say of real and generated.

The discriminator's logits `l` stand for `K + 1` classes: the logit of the last one, "generated", is fixed at 0
(Salimans et al. 2016, arXiv:1606.03498, section 5). Hence `p(real | x) = Z / (Z + 1)` with `log Z = logsumexp(l)`, the
*GAN logit*.
"""

import tensorflow as tf

from ssgan import replicas


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

    On several replicas, the mean over them of what is returned is that of the values of all, however they lie.

    Args:
        values: float32 [batch].
        mask: bool [batch].

    Returns:
        float32 scalar. Masked-out values have no influence, not even when they are NaN.
    """
    kept = tf.where(mask, values, 0.0)
    rows = replicas.mean(tf.reduce_sum(tf.cast(mask, tf.float32)))
    return tf.math.divide_no_nan(tf.reduce_sum(kept), rows)


def mean(values: tf.Tensor) -> tf.Tensor:
    """Returns the mean of float32 [batch], and 0 where there are no values; on several replicas as `masked_mean`."""
    if replicas.count() > 1 and values.shape[0]:
        return tf.reduce_mean(values)  # every replica has as many: there is nothing to exchange
    return masked_mean(values, tf.ones_like(values, tf.bool))
