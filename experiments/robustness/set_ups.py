"""The two trainings that are interrupted: ssgan's command, and the same model with Keras' own callbacks."""

import dataclasses
import hashlib
import json
import sys
import time
from pathlib import Path

STEPS, EVERY = 60, 5
OPTIONS = [  # everything else as a user gets it
    "--dataset=street_digits",
    "--labels=100",
    "--deterministic",
    f"--total_steps={STEPS}",
    "--log_every=20",
    f"--checkpoint_every={EVERY}",
]


class Ssgan:
    """`python -m ssgan.train`, resumed with `--resume`."""

    name = "ssgan"

    def command(self, run: Path) -> list[str]:
        """Returns the command that begins the run, or goes on with it."""
        resume = ["--resume"] if (run / "options.json").exists() else []
        return [sys.executable, "-m", "ssgan.train", *OPTIONS, f"--run_dir={run}", *resume]

    def saving(self, run: Path) -> bool:
        """Tells whether a save is under way."""
        return any((run / "checkpoints").glob(".tmp-*"))

    def saved(self, run: Path) -> list[Path]:
        """Returns the newest saved files of training state."""
        return sorted(sorted((run / "checkpoints").glob("step_*"))[-1].iterdir())

    def final_state(self, run: Path) -> str | None:
        """Returns the sha256 of the state after the last step, or None."""
        manifest = run / "checkpoints" / f"step_{STEPS:09d}" / "manifest.json"
        if not (run / "summary.json").exists():
            return None
        return json.loads(manifest.read_text())["manifest"]["files"]["state.npz"]["sha256"]


class PlainKeras:
    """The same model and batches in `fit`, with `BackupAndRestore` and `ModelCheckpoint`, an epoch per checkpoint."""

    name = "keras"

    def command(self, run: Path) -> list[str]:
        """Returns the command that begins the run, or goes on with it: Keras decides."""
        return [sys.executable, "-m", "experiments.robustness.set_ups", str(run)]

    def saving(self, run: Path) -> bool:
        """Tells whether a save is under way: files of this moment."""
        files = [*(run / "backup").glob("*"), *run.glob("*.weights.h5")]
        return any(time.time() - file.stat().st_mtime < 0.05 for file in files if file.exists())

    def saved(self, run: Path) -> list[Path]:
        """Returns the newest saved files of training state."""
        return sorted((run / "backup").glob("*"))

    def final_state(self, run: Path) -> str | None:
        """Returns the sha256 of the state after the last step, or None."""
        file = run / "final.txt"
        return file.read_text() if file.exists() else None


def train_with_keras(run: Path) -> None:
    """Trains as a plain Keras user would, and writes the sha256 of the final state."""
    from ssgan import determinism
    from ssgan.options import Config
    from ssgan.options.flags import parse_flags

    determinism.turn_off_onednn()
    import keras
    import numpy as np
    import tensorflow as tf

    from ssgan import data, hardware
    from ssgan.data import labels
    from ssgan.training import build as recipe

    config = parse_flags(Config, ["train", *OPTIONS], usage="")
    config = dataclasses.replace(config, precision=hardware.precision(config.precision))
    images = data.load("street_digits", "train", limit=config.train_images)
    mask = labels.label_mask(images.labels, config.labels, config.label_seed, config.label_strategy, num_classes=10)
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    gan = recipe.build(config, image_shape=(32, 32, 3), num_classes=10, steps=STEPS)
    gan.initialize_from_data(images.images)
    batches = recipe.batches(config, images, mask, unlabeled=np.arange(len(mask)), steps=STEPS)
    run.mkdir(exist_ok=True)
    callbacks = [
        keras.callbacks.BackupAndRestore(str(run / "backup"), delete_checkpoint=False),
        keras.callbacks.ModelCheckpoint(str(run / "newest.weights.h5"), save_weights_only=True),
    ]
    gan.fit(batches, epochs=STEPS // EVERY, steps_per_epoch=EVERY, shuffle=False, verbose=0, callbacks=callbacks)
    state = hashlib.sha256(b"".join(np.asarray(variable).tobytes() for variable in gan.state().values()))
    (run / "final.txt").write_text(state.hexdigest())


if __name__ == "__main__":
    train_with_keras(Path(sys.argv[1]))
