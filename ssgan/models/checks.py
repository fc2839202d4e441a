"""What the parts of a discriminator may be."""

from collections.abc import Collection, Iterable, Iterator

import keras

from ssgan.layers import MinibatchDiscrimination, VirtualBatchNormalization


def check_known(name: str, value: str, known: Collection[str]) -> None:
    """Raises a ValueError for a value of an argument that is not among those known."""
    if value not in known:
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(known)}")


def check_heads(num_classes: int, minibatch_features: int, encoding: int) -> None:
    """Raises a ValueError for sizes that logits, minibatch discrimination, or the codes of an image, cannot have."""
    if num_classes < 1:
        raise ValueError(f"num_classes={num_classes}: expected at least 2, or 1 for a plain GAN")
    if minibatch_features < 0:
        raise ValueError(f"minibatch_features={minibatch_features}: expected at least 1, or 0 for none")
    if encoding < 0 or encoding in (1, 2):
        raise ValueError(
            f"encoding={encoding}: expected at least 3, as mean and length of a code are taken away, or 0 for none"
        )


def check_trunk(trunk: keras.Model, normalization: str) -> None:
    """Raises a ValueError for a trunk of one's own that is none, or beside a normalisation of named architectures."""
    if not isinstance(trunk, keras.Model):
        raise ValueError(f"trunk={trunk!r}: expected a Keras model, from images to a feature map or a vector")
    for layer in nested([trunk]):
        if isinstance(layer, MinibatchDiscrimination | VirtualBatchNormalization):
            raise ValueError(
                f"a trunk with {type(layer).__name__}, by which the class of an image would depend on the others of a "
                "batch; expected one without, and minibatch_features= of the discriminator in its place"
            )
    if normalization != "weight":
        raise ValueError(
            f"normalization={normalization!r} is of the named architectures; in a trunk of your own take layers such "
            "as ssgan.layers.SpectralNormConv2D, and leave normalization out"
        )


def in_a_row(layers: Iterable[keras.layers.Layer]) -> Iterator[keras.layers.Layer]:
    """Gives layers that follow one another, and those of a Sequential in its place."""
    for layer in layers:
        yield from in_a_row(layer.layers) if isinstance(layer, keras.Sequential) else [layer]


def nested(layers: Iterable[keras.layers.Layer]) -> Iterator[keras.layers.Layer]:
    """Gives layers, and those within them: of models, of wrappers and of layers of one's own."""
    for layer in layers:
        yield from layer._flatten_layers()
