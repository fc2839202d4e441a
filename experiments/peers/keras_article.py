"""The article's step in plain TensorFlow 2 and Keras: float32, layers as they come. In ssgan's environment.

The article's networks, losses and updates in today's idiom: noise, images real and generated pass the networks three
times (G, D of the real, D of the generated), and both updates come from those passes.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from experiments.common import timing

BATCH, WIDTH, LATENT, SMOOTHING = 128, 32, 100, 0.1


def measure(*, images: str, steps: int) -> dict:
    """Times the step on 128 real and 128 generated images.

    Args:
        images: an .npz file with images, labels and label_mask.
        steps: steps to time.

    Returns:
        The report: `seconds` of each step, `rows` of real images a step, `about` the versions and the precision.
    """
    keras.utils.set_random_seed(0)
    with np.load(images) as arrays:
        data = tf.data.Dataset.from_tensor_slices(tuple(arrays[name] for name in ("images", "labels", "label_mask")))
    batches = iter(data.shuffle(10_000).repeat().batch(BATCH).prefetch(tf.data.AUTOTUNE))
    step = make_step()
    seconds = timing.seconds_per_step(lambda: step(*next(batches)), steps=steps)
    about = {"tensorflow": tf.__version__, "keras": keras.__version__, "precision": "float32"}
    return {"seconds": seconds, "rows": BATCH, "about": about}


def make_step():
    """Returns the compiled training step of new networks."""
    generator, body, head = make_generator(), make_body(), layers.Dense(10)
    head.build((None, 128))
    d_variables = [*body.trainable_variables, *head.trainable_variables]
    d_optimizer, g_optimizer = (keras.optimizers.Adam(3e-4, beta_1=0.5) for _ in range(2))
    entropy = tf.nn.sigmoid_cross_entropy_with_logits

    @tf.function
    def step(images, labels, mask):
        images = tf.cast(images, tf.float32) / 127.5 - 1
        mask = tf.cast(mask, tf.float32)
        with tf.GradientTape(persistent=True) as tape:
            generated = generator(tf.random.normal([BATCH, LATENT]), training=True)
            real_features, generated_features = body(images, training=True), body(generated, training=True)
            class_logits = head(real_features)
            real = tf.reduce_logsumexp(class_logits, axis=1)
            fake = tf.reduce_logsumexp(head(generated_features), axis=1)
            class_loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, class_logits)
            d_loss = (
                tf.reduce_sum(mask * class_loss) / tf.maximum(1.0, tf.reduce_sum(mask))
                + tf.reduce_mean(entropy(tf.ones_like(real) * (1 - SMOOTHING), real))
                + tf.reduce_mean(entropy(tf.zeros_like(fake), fake))
            )
            moments = tf.reduce_mean(real_features, axis=0) - tf.reduce_mean(generated_features, axis=0)
            g_loss = tf.reduce_mean(tf.abs(moments))
        d_gradients = tape.gradient(d_loss, d_variables)
        g_gradients = tape.gradient(g_loss, generator.trainable_variables)
        d_optimizer.apply_gradients(zip(d_gradients, d_variables, strict=True))
        g_optimizer.apply_gradients(zip(g_gradients, generator.trainable_variables, strict=True))
        return d_loss, g_loss

    return step


def make_generator() -> keras.Model:
    """Returns noise [batch, 100] -> images [batch, 32, 32, 3]."""
    hidden = [part for width in (2 * WIDTH, WIDTH) for part in (_transposed(width), *_norm())]
    dense = [layers.Dense(4 * 4 * 4 * WIDTH), layers.Reshape((4, 4, 4 * WIDTH)), *_norm()]
    return keras.Sequential([keras.Input((LATENT,)), *dense, *hidden, _transposed(3), layers.Activation("tanh")])


def make_body() -> keras.Model:
    """Returns images [batch, 32, 32, 3] -> features [batch, 128]."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Dropout(0.2),
            layers.Conv2D(64, 3, 2, "same"),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.5),
            layers.Conv2D(64, 3, 2, "same"),
            *_norm(),
            layers.Conv2D(64, 3, 2, "same"),
            *_norm(),
            layers.Dropout(0.5),
            layers.Conv2D(128, 3, 1, "same"),
            *_norm(),
            layers.Conv2D(128, 3, 1, "same"),
            *_norm(),
            layers.Conv2D(128, 3, 2, "same"),
            *_norm(),
            layers.Dropout(0.5),
            layers.Conv2D(128, 3, 1, "same"),
            layers.LeakyReLU(0.2),
            layers.GlobalAveragePooling2D(),
        ]
    )


def _transposed(filters: int) -> layers.Layer:
    return layers.Conv2DTranspose(filters, 5, 2, "same")


def _norm() -> list[layers.Layer]:
    return [layers.BatchNormalization(), layers.LeakyReLU(0.2)]


if __name__ == "__main__":
    timing.main(measure)
