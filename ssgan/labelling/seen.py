"""What is known of pictures beside their labels: by an embedding, or by the classifier of a run."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ssgan.labelling.embedding import Floats


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """Features of pictures, and predictions where a run looked at them.

    Attributes:
        numbers: int64 [n], of the pictures, each once.
        features: float32 [n, d].
        probabilities: float32 [n, K], or None.
        class_names: of the K classes.
        run: the name of the run, or None.
    """

    numbers: npt.NDArray[np.int64]
    features: Floats
    probabilities: Floats | None = None
    class_names: tuple[str, ...] = ()
    run: str | None = None

    def guess(self, number: int) -> tuple[str, float] | None:
        """Returns the class that a run predicts for a picture, and its probability; None where none looked at it."""
        (row,) = np.nonzero(self.numbers == number)
        if self.probabilities is None or not len(row):
            return None
        found = self.probabilities[row[0]]
        return self.class_names[int(found.argmax())], float(found.max())
