"""Numbers for TensorBoard."""

from collections.abc import Mapping

import tensorflow as tf

FOLDER = "tensorboard"  # in that of the run


def write_scalars(writer: tf.summary.SummaryWriter, values: Mapping[str, float], *, step: int) -> None:
    """Writes numbers by name, of a step, and sees that they are in the file."""
    # tf.summary.scalar needs the tensorboard package; to write, this part of TensorFlow is enough.
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = "scalars"
    with writer.as_default(step=step):
        for name, value in values.items():
            tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)
    writer.flush()
