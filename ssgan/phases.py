"""Which kind of step is due when: known from the number of a step, outside the graph."""

import dataclasses

LABELS, CLASSES, DISCRIMINATOR, BOTH = "labels", "classes", "discriminator", "both"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phases:
    """The order of the kinds of step.

    Attributes:
        unlabeled_start: number of steps in which the discriminator learns from the labelled images alone. They take
            less than half the time of the steps that follow, and the predictions are worth learning from after them.
        gan_every: then, the GAN takes part in every so-manyth step; in the others, the discriminator learns by the
            terms that need no generated image, which takes less time.
        d_steps: discriminator updates with the GAN for each update of the generator.
        has_gan: whether there is a term that needs generated images.
        trains_generator: whether the generator has a loss.
    """

    unlabeled_start: int
    gan_every: int
    d_steps: int
    has_gan: bool
    trains_generator: bool

    def kind(self, step: int) -> str:
        """Returns the kind of a step, numbered from 0.

        `labels`: the labelled images alone; `classes`: labelled and unlabelled ones; `discriminator`: also generated
        ones; `both`: likewise, and the generator is updated, too.
        """
        if step < self.unlabeled_start:
            return LABELS
        if not self.has_gan or step % self.gan_every:
            return CLASSES
        its_turn = self.trains_generator and step // self.gan_every % self.d_steps == 0
        return BOTH if its_turn else DISCRIMINATOR
