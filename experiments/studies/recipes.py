"""The studies: which recipes are compared, with which labels, for how long."""

import dataclasses

from experiments.common.places import CONFIGS

SVHN_LITE, TFDS = "svhn_lite", "tfds"


@dataclasses.dataclass(frozen=True)
class Study:
    """Recipes and what they have in common.

    Attributes:
        recipes: the flags of each recipe, by its name.
        data: sub-folder of the data; none for embedded images.
        label_seeds: each recipe is trained with each; 0 to 4 for figures, 100 and more for decisions.
        minutes: time of each training; by default, as many steps as the flags say.
        tested: on the test images, for figures; by validation images, for decisions.
        transfer: sub-folder of SVHN images that are tested on as well.
        scored: whether new classifiers learn from the images of a generator, see `ssgan.eval --accuracy_score`.
        corrected: whether class prior, views and temperature are measured as well, see
            `experiments.studies.corrections`.
        outliers: whether outliers are told from the test images, see `experiments.studies.outliers`.
    """

    recipes: dict[str, list[str]]
    data: str | None = SVHN_LITE
    label_seeds: tuple[int, ...] = (0,)
    minutes: float | None = None
    tested: bool = True
    transfer: str | None = None
    scored: bool = False
    corrected: bool = False
    outliers: bool = False


def without_duration(config: str) -> list[str]:
    """Returns the flags of a file in `configs/`, except for how long it trains."""
    lines = (CONFIGS / f"{config}.cfg").read_text().split("\n")
    return [line for line in lines if line.startswith("--") and not line.startswith("--total_")]


def fewest(config: str, labels: tuple[int, ...], *, steps: int, without: int) -> dict[str, list[str]]:
    """Returns recipes of few labels: with generated images as labelled ones, and without a generator."""
    arms = {
        "generated images as labelled ones": ["--generated_labels=0.1", f"--total_steps={steps}"],
        "without generator": ["--gan_weight=0", f"--total_steps={without}"],
    }
    return {
        f"{count} labels, {name}": [config, f"--labels={count}", *flags]
        for count in labels
        for name, flags in arms.items()
    }


def with_and_without(recipes: dict[str, list[str]]) -> dict[str, list[str]]:
    """Returns each recipe with a generator, as it is, and without."""
    arms: dict[str, list[str]] = {"with generator": [], "without generator": ["--gan_weight=0"]}
    return {f"{name}, {arm}": [*flags, *without] for name, flags in recipes.items() for arm, without in arms.items()}


DEFAULT = "--flagfile=configs/svhn_1000.cfg"
WITHOUT = [DEFAULT, "--gan_weight=0"]
# The default of version 0.1: its generator cost little and drew no digits.
EARLIER = [
    *(DEFAULT, "--noconditional", "--latent=uniform", "--generator_width=16", "--gan_views=strong"),
    *("--gan_weight=0.1", "--gan_every=4", "--mode_seeking_weight=0", "--unlabeled_start=0.3"),
    *("--generator=dcgan", "--optimizer=adam", "--total_steps=10000"),
]
NO_GENERATOR = [*EARLIER, "--gan_weight=0"]
SUPERVISED = [*NO_GENERATOR, "--pseudo_label_weight=0"]
DRAWINGS = "--flagfile=configs/mnist_100.cfg"
# The images without labels come in early, for a net that sees few labels alone learns them by heart.
EARLY = [*WITHOUT, "--unlabeled_start=0.05", "--total_steps=5000"]
ALIGNED = "--pseudo_label_alignment=1"
# Of decisions, not of figures: short, on held-out train images, each recipe one step away from a base.
DECISION = [
    *EARLIER,
    *("--dataset=mnist", "--image_size=28", "--arch=tiny", "--generator_width=8", "--unlabeled_start=0"),
    *("--augment=affine", "--learning_rate=2e-3"),
    "--validation=10000",
    "--total_steps=1000",
    "--log_every=500",
]
SVHN_DECISION = [*EARLIER, "--validation=4000", "--total_steps=1500", "--log_every=500"]
SHORT = [*WITHOUT, "--validation=2000", "--total_steps=2000"]
ALL_LABELS = ["--labels=11501", "--label_strategy=first", "--validation=0"]

STUDIES = {
    "svhn_lite_1000": Study(
        {
            "default": [DEFAULT],
            "default of version 0.1": EARLIER,
            "no generator": [*NO_GENERATOR, "--total_steps=10500"],  # as many as fit into the same time
            "unlabelled images from the start": [
                *EARLIER,
                "--unlabeled_batch=100",
                "--unlabeled_start=0",
                "--total_steps=6000",
            ],
            "supervised": [*SUPERVISED, "--total_steps=6000"],
        },
        label_seeds=(0, 1, 2),
        scored=True,
    ),
    # Twelve minutes of two cores, or 24 of one.
    "svhn_lite_12_minutes": Study(
        {"without generator": WITHOUT},
        label_seeds=(0, 1, 2, 3, 4),
        minutes=24,
        corrected=True,
    ),
    # What can be done with a classifier after its training, see `experiments.studies.corrections`.
    "svhn_lite_corrections": Study(
        {
            "1,000 labels": [*SHORT, "--labels=1000"],
            "250 labels": [*SHORT, "--labels=250"],
            "40 labels": [*SHORT, "--labels=40", "--pseudo_label_alignment=1"],
        },
        label_seeds=(100, 101, 102),
        tested=False,
        corrected=True,
    ),
    "mnist_corrections": Study(
        {"100 labels": [DRAWINGS, "--gan_weight=0", "--validation=5000", "--total_steps=1000"]},
        data=TFDS,
        label_seeds=(100, 101, 102),
        tested=False,
        corrected=True,
    ),
    # Without a generator, a tenth of an hour of one core or less.
    "svhn_lite_few": Study(
        {
            "40 labels": [*EARLY, ALIGNED, "--labels=40"],
            "100 labels": [*EARLY, ALIGNED, "--labels=100"],
            "250 labels": [*EARLY, "--labels=250"],
            "4,000 labels": [*WITHOUT, "--labels=4000", "--total_steps=5000"],
        },
        label_seeds=(0, 1, 2, 3, 4),
        corrected=True,
    ),
    "mnist_few": Study(
        {
            f"{labels} labels": [DRAWINGS, "--gan_weight=0", ALIGNED, f"--labels={labels}", "--total_steps=5000"]
            for labels in (20, 50, 100)
        },
        data=TFDS,
        label_seeds=(0, 1, 2, 3, 4),
        corrected=True,
    ),
    "svhn_lite_250": Study(
        {"default of version 0.1": [*EARLIER, "--labels=250", "--total_steps=3000"]}, label_seeds=(0, 1, 2)
    ),
    "svhn_lite_all_labels": Study(
        {
            "supervised": [*SUPERVISED, *ALL_LABELS, "--total_steps=6000"],
            "today's default": [*WITHOUT, "--pseudo_label_weight=0", *ALL_LABELS, "--total_steps=12000"],
        }
    ),
    # Does today's default reach in half the time what the first one did? Three minutes of a core, and seven or more.
    "svhn_lite_half_time": Study(
        {
            "without generator": [*WITHOUT, "--total_steps=1853", "--log_every=92"],
            "default of version 0.1": [*EARLIER, "--total_steps=3956", "--log_every=197"],
        },
        label_seeds=(0, 1, 2),
    ),
    "svhn_lite_5_minutes": Study({"without generator": WITHOUT}, label_seeds=(0, 1, 2), minutes=5),
    "svhn_lite_1000_long": Study({"default": [DEFAULT]}, minutes=90),
    "comparison": Study(
        {
            "default of version 0.1": EARLIER,
            "no generator": NO_GENERATOR,
            "labels only": SUPERVISED,
            "article": [*without_duration("svhn_1000_article"), "--label_strategy=balanced"],
            "paper": [*without_duration("svhn_1000_paper"), "--validation=500"],
        },
        label_seeds=(0, 1),
        minutes=10,
    ),
    # The steps without a generator are as many as take the same time.
    "generator": Study(
        {
            f"{labels} labels, {name}": [*EARLIER, f"--labels={labels}", *flags]
            for labels in (100, 250, 1000, 4000)
            for name, flags in (
                ("with generator", ["--total_steps=1500"]),
                ("without generator", ["--gan_weight=0", "--total_steps=1600"]),
            )
        },
        label_seeds=(0, 1, 2),
    ),
    "svhn_lite_1000_article": Study({"article": ["--flagfile=configs/svhn_1000_article.cfg"]}),
    # 45 steps of 100,000: for the time of a step, not for the error.
    "svhn_lite_1000_paper_excerpt": Study(
        {
            "paper": [
                "--flagfile=configs/svhn_1000_paper.cfg",
                "--train_images=4500",
                "--total_epochs=1",
                "--log_every=3",
            ]
        }
    ),
    "mnist_100": Study(
        {
            "with generator": [DRAWINGS],
            "without generator": [DRAWINGS, "--gan_weight=0", "--total_steps=6000"],  # as many as take the same time
        },
        data=TFDS,
        label_seeds=(0, 1, 2, 3, 4),
        scored=True,
    ),
    # Does it take but time? A quarter of an hour of two cores, without a generator.
    "mnist_100_long": Study(
        {"without generator": [DRAWINGS, "--gan_weight=0", ALIGNED, "--total_steps=12000"]},
        data=TFDS,
        corrected=True,
    ),
    # Where labels are fewest: do generated images give anything? The steps without take no more time.
    "mnist_fewest": Study(
        {
            **fewest(DRAWINGS, (20, 50), steps=800, without=1000),
            "20 labels, with generator": [DRAWINGS, "--labels=20", "--total_steps=800"],
        },
        TFDS,
        label_seeds=(0, 1, 2, 3, 4),
    ),
    "svhn_lite_fewest": Study(fewest(DEFAULT, (40, 100), steps=600, without=1050), label_seeds=(0, 1, 2, 3, 4)),
    "mnist_outliers": Study(
        with_and_without(
            {
                "labels": [DRAWINGS, "--vat_weight=0", "--pseudo_label_weight=0"],
                "labels, VAT": [DRAWINGS, "--pseudo_label_weight=0"],
                "labels, VAT, pseudo-labels": [DRAWINGS],
            }
        ),
        data=TFDS,
        label_seeds=(0, 1, 2, 3, 4),
        minutes=2.5,
        outliers=True,
    ),
    "svhn_lite_outliers": Study(
        with_and_without({"default": [DEFAULT]}), label_seeds=(0, 1, 2), minutes=5, outliers=True
    ),
    "street_digits": Study({"quick": ["--flagfile=configs/street_digits_quick.cfg"]}, data=None, transfer=SVHN_LITE),
    "ablation_mnist": Study(
        {
            "base": DECISION,
            "labels only": [*DECISION, "--gan_weight=0", "--pseudo_label_weight=0"],
            "no generator": [*DECISION, "--gan_weight=0"],
            "GAN in every step, no pseudo-labels": [*DECISION, "--gan_every=1", "--pseudo_label_weight=0"],
            "GAN in every step": [*DECISION, "--gan_every=1"],
            "generator twice as wide": [*DECISION, "--generator_width=16"],
            "VAT": [*DECISION, "--vat_weight=1"],
            "threshold 0.8": [*DECISION, "--pseudo_label_threshold=0.8"],
            "labels alone for 0.3": [*DECISION, "--unlabeled_start=0.3"],
            "100 unlabelled rows": [*DECISION, "--unlabeled_batch=100"],
            "average pooling": [*DECISION, "--pooling=average"],
            "no augmentation": [*DECISION, "--augment=none", "--shift=0"],
            "decay from the start": [*DECISION, "--decay_start=0"],
            "EMA decay 0.99": [*DECISION, "--ema_decay=0.99"],
        },
        data=TFDS,
        label_seeds=(100, 101),
        tested=False,
    ),
    # What makes use of half an hour? On held-out train images.
    "svhn_lite_half_hour": Study(
        {"default": [*WITHOUT, "--validation=4000", "--log_every=200", "--total_steps=10000"]},
        label_seeds=(100, 101, 102),
        tested=False,
        corrected=True,
    ),
    "ablation_svhn_lite": Study(
        {
            "base": SVHN_DECISION,
            "VAT": [*SVHN_DECISION, "--vat_weight=1"],
        },
        label_seeds=(100, 101),
        tested=False,
    ),
}
