"""What the classifier of a run sees in pictures: features and predictions. In a process of its own, with TensorFlow.

  python -m ssgan.labelling.look < request.json

The page's own process stays small, and goes on while this one works.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.labelling import process
from ssgan.labelling.seen import Seen
from ssgan.store import files

_BATCH = 64  # images


def start(run: Path, paths: list[Path], result: Path) -> subprocess.Popen[str]:
    """Starts a process that writes `result`, see `read`; its last line on stderr is its error, if it has one.

    Args:
        run: folder of a finished run.
        paths: of the pictures.
        result: the .npz file to write.
    """
    request = json.dumps({"run": str(run), "paths": [str(path) for path in paths], "result": str(result)})
    with tempfile.TemporaryFile("w+") as file:
        file.write(request)
        file.seek(0)
        return process.start(__name__, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def read(result: Path, numbers: Any, run: str) -> Seen:
    """Returns what was seen, and removes the file; pictures that could not be read are not in it.

    Args:
        result: the file.
        numbers: int64 [n], of the pictures that were looked at.
        run: its name.
    """
    import numpy as np

    with np.load(result, allow_pickle=False) as kept:
        could = kept["could"]
        seen = Seen(
            numbers=numbers[could],
            features=kept["features"][could],
            probabilities=kept["probabilities"][could],
            class_names=tuple(kept["class_names"].tolist()),
            run=run,
        )
    result.unlink()
    return seen


def main() -> None:
    """Answers the request on stdin."""
    run_command(_look, json.load(sys.stdin))


def _look(request: dict[str, Any]) -> None:
    import keras
    import numpy as np

    from ssgan.classifier import load_classifier
    from ssgan.data.own import stream
    from ssgan.evaluate.predictor import read_predictor

    predictor, classifier = read_predictor(request["run"]), load_classifier(request["run"])
    if "features" not in [layer.name for layer in classifier.layers]:
        raise UsageError(f"{request['run']}: its classifier has no layer of features")
    model = keras.Model(classifier.input, [classifier.get_layer("features").output, classifier.output])
    pictures = dict.fromkeys(request["paths"], "")
    batches = stream.read_batches(pictures, predictor.preparation, batch_size=min(_BATCH, len(pictures)))
    parts = [(model.predict_on_batch(batch.images), len(batch.paths), batch.reasons) for batch in batches]
    features, predicted = (
        np.concatenate([outputs[each][:count] for outputs, count, _ in parts]).astype(np.float32) for each in (0, 1)
    )
    with files.whole(Path(request["result"])) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            features=features,
            probabilities=predicted,
            could=np.array([not reason for *_, reasons in parts for reason in reasons]),
            class_names=np.array(predictor.class_names),
        )


if __name__ == "__main__":
    main()
