"""How long, how fast and where a run is trained."""

import dataclasses

from ssgan.options.declare import option
from ssgan.options.groups.group import Group

DEFAULT_STEPS = 5_800
DISTRIBUTE = ("auto", "none", "mirrored", "multi_worker")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimizer(Group):
    """How long, and how fast."""

    total_steps: int | None = option(
        None, f"Training steps (discriminator updates). Default: {DEFAULT_STEPS}.", low=1, essential=True
    )
    total_epochs: int | None = option(None, "Passes over the unlabelled images, in place of --total_steps.", low=1)
    optimizer: str = option(
        "muon",
        "Optimizer of the discriminator: muon (arXiv:2502.16982), for the kernels of its convolutions, Adam for the "
        "rest, which takes fewer steps; or adam for all. That of the generator is Adam.",
        choices=("adam", "muon"),
    )
    learning_rate: float = option(
        1e-3,
        "Adam step size of both networks; Muon's, which has another meaning, is four times as large.",
        low=0.0,
        high=1.0,
    )
    generator_learning_rate: float | None = option(
        None, "Adam step size of the generator, where it is another: two time scales.", low=0.0, high=1.0
    )
    decay_start: float = option(
        0.5, "Fraction of training after which the learning rate falls linearly to 0.", low=0.0, high=1.0
    )
    unlabeled_start: float = option(
        0.2,
        "Fraction of training after which the unlabelled images and the generator take part; until then, the labelled "
        "ones alone, in less than half the time per step (mixed batching only).",
        low=0.0,
        high=1.0,
    )
    ema_decay: float = option(
        0.999, "Decay per step of the moving average of the discriminator that is evaluated.", low=0.0, high=0.999999
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run(Group):
    """Where a run is written, how it is repeated and resumed."""

    seed: int = option(0, "Seed of weights, batches, noise and dropout.", low=0, high=2**31 - 1, essential=True)
    precision: str = option(
        "auto",
        "Arithmetic of the convolutions; auto: bfloat16 where the hardware has matrix units for it.",
        choices=("auto", "float32", "bfloat16"),
    )
    deterministic: bool = option(
        False,
        "Bit-identical results for the same seed and machine; slower: on CPUs, it does without oneDNN.",
        essential=True,
        mathematics=False,
    )
    distribute: str = option(
        "auto",
        "Several devices or machines: mirrored, all GPUs of this machine; multi_worker, the workers that TF_CONFIG or "
        "Slurm names; none. auto: multi_worker where TF_CONFIG is set, mirrored where there are several GPUs. A batch "
        "stays what the options say, and is cut for them.",
        choices=DISTRIBUTE,
        mathematics=False,
    )
    log_every: int = option(
        250, "Steps between two lines of history, validation errors and sample grids.", low=1, mathematics=False
    )
    run_dir: str | None = option(
        None, "Folder of this run, new or empty. Default: a named one under runs/.", essential=True, mathematics=False
    )
    resume: bool = option(
        False,
        "Go on with an unfinished run where its newest checkpoint is: the one in --run_dir, or else the newest under "
        "runs/. Options that are not given are those of the run.",
        essential=True,
        mathematics=False,
    )
    checkpoint_every: int = option(250, "Steps between two checkpoints.", low=1, mathematics=False)
    keep_checkpoints: int = option(2, "Number of newest checkpoints to keep.", low=1, mathematics=False)
    on_nan: str = option(
        "stop",
        "After a loss or weight that is not finite: stop; or rollback: go back to the newest checkpoint and on with "
        "half the learning rate, at most 3 times.",
        choices=("stop", "rollback"),
        mathematics=False,
    )
