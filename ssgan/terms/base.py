"""What a term of a loss is, and what it sees of a step."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import keras
import tensorflow as tf

from ssgan.errors import UsageError
from ssgan.options import check_option
from ssgan.terms.logits import gan_logits


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Images of one role, and what the discriminator makes of them.

    Attributes:
        images: float32 [rows, height, width, channels] in -1..1, as the discriminator saw them.
        logits: float32 [rows, K].
        features: float32 [rows, features].
        generated_logits: logits of "generated", float32 [rows], which the other rows have a part in, see
            `Discriminator.generated_logits`; None where they are 0.
    """

    images: tf.Tensor
    logits: tf.Tensor
    features: tf.Tensor
    generated_logits: tf.Tensor | None = None

    @property
    def relative_logits(self) -> tf.Tensor:
        """The class logits less those of "generated", float32 [rows, K]."""
        if self.generated_logits is None:
            return self.logits
        return self.logits - self.generated_logits[:, tf.newaxis]

    @property
    def gan_logits(self) -> tf.Tensor:
        """The logits of "real", float32 [rows]; see `ssgan.gan_logits`."""
        return gan_logits(self.relative_logits)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Generated(Rows):
    """Images from the generator.

    Attributes:
        drawn: the images as they were drawn, before their view: float32 [rows, height, width, channels] in -1..1.
        strong: their strong view, likewise.
        noise: what they were drawn from, float32 [rows, latent_dim]; the rows of the first half have the classes of
            those of the second, in their order.
        classes: that were asked for, int32 [rows]; None of a generator that is not conditional.
    """

    drawn: tf.Tensor
    strong: tf.Tensor
    noise: tf.Tensor
    classes: tf.Tensor | None


NO_ROWS = cast(Generated, None)  # typed as rows, because a term is asked only where there are those that it needs


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Passes:
    """The images of a step by their role, after their passes through the discriminator; None: there are none.

    Attributes:
        labeled: rows with labels; in a masked stream all rows, of which `labels` hides most.
        labels: int32 [rows of `labeled`], -1 where hidden.
        unlabeled: rows without labels, in their strong view.
        weak: the same rows in their weak view, without dropout or noise.
        real: the same rows as the GAN is to see real images, in their weak or strong view.
        generated: rows from the generator.
        seeds: of further random numbers.
        step: number of this step, from 0 on, integer scalar.
    """

    labeled: Rows = NO_ROWS
    labels: tf.Tensor = cast(tf.Tensor, None)
    unlabeled: Rows = NO_ROWS
    weak: Rows = NO_ROWS
    real: Rows = NO_ROWS
    generated: Generated = NO_ROWS
    seeds: keras.random.SeedGenerator
    step: tf.Tensor = cast(tf.Tensor, None)

    def hold(self, roles: tuple[str, ...]) -> bool:
        """Tells whether there are rows of each of these roles."""
        return all(getattr(self, role) is not None for role in roles)


class Term:
    """One term of the loss of a network; where the rows that it needs are missing in a step, it has no part in it.

    A subclass says what it needs, and computes its value in `__call__`; it is registered with Keras, and its arguments
    are its attributes. Arguments that are options of the command line have their bounds.

    Args:
        weight: by which its value is multiplied, at least 0.

    Attributes:
        name: of its value in the logs.
        needs: roles of the rows that it looks at, see `Passes`.
        network: `discriminator` or `generator`, whose loss it is a term of; None: of either.
        options: its arguments, each with the name of the option whose bounds it has, or None.
        watched: names of its `figures`.
        history: what it keeps from step to step, a layer, so that its variables are saved; None: nothing.

    Raises:
        UsageError: for an argument out of its bounds.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    network: ClassVar[str | None] = None
    options: ClassVar[dict[str, str | None]]
    watched: tuple[str, ...] = ()
    history: keras.layers.Layer | None = None

    def __init__(self, weight: float = 1.0, **arguments: Any):
        self.weight = weight
        vars(self).update(arguments)
        for argument, option in self.options.items():
            if option is not None:
                check_option(option, getattr(self, argument), shown_as=f"{type(self).__name__}: {argument}")

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        """Returns the value, float32 scalar, without the weight."""
        raise NotImplementedError

    def check(self, discriminator: keras.Model, generator: keras.Model, terms: Sequence["Term"]) -> None:
        """Raises a UsageError if it cannot be computed with these networks, beside the terms of both; see `compile`."""

    def follow(self, network: keras.Model) -> None:
        """Begins the `history`, of a term that has one; `compile` calls it, before anything is traced."""

    def figures(self, passes: Passes) -> dict[str, tuple[tf.Tensor, tf.Tensor | None]]:
        """Returns what else is to be seen in the logs: by name, values [rows] and their weights [rows], or None."""
        return {}

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {argument: getattr(self, argument) for argument in self.options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Term":
        """Returns the term with these arguments."""
        return cls(**config)


def needs_classes(term: Term, generator: keras.Model) -> None:
    """Raises a UsageError for a generator that is told no class."""
    if not generator.num_classes:
        raise UsageError(
            f"{type(term).__name__} needs a conditional generator; expected Generator(..., num_classes=K), or "
            "--conditional on the command line"
        )


def check_terms(d_terms: Any, g_terms: Any) -> tuple[list[Term], list[Term]]:
    """Returns the terms of discriminator and generator as lists.

    Raises:
        UsageError: if they are no terms, two of them have one name, or one needs what no step has.
    """
    for name, terms in (("d_terms", d_terms), ("g_terms", g_terms)):
        if not isinstance(terms, list | tuple) or not all(isinstance(term, Term) for term in terms):
            raise UsageError(f"{name}={terms!r}: expected a list of terms such as ssgan.terms.Supervised()")
    roles = [field.name for field in dataclasses.fields(Passes) if field.name not in ("labels", "seeds", "step")]
    names = [term.name for term in [*d_terms, *g_terms]]
    for term in [*d_terms, *g_terms]:
        of = "discriminator" if term in d_terms else "generator"
        if term.network not in (None, of):
            raise UsageError(f"{type(term).__name__} is a term of the {term.network}, and was given to the {of}")
        if names.count(term.name) > 1 or term.name in ("d_loss", "g_loss", "loss"):
            raise UsageError(f"the terms are {', '.join(names)}; expected names that differ, none of them a loss's")
        if unknown := set(term.needs) - set(roles):
            raise UsageError(f"{term.name} needs {', '.join(unknown)}; expected some of {', '.join(roles)}")
    return list(d_terms), list(g_terms)
