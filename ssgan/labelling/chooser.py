"""Chooses pictures ahead of the person, in the background."""

import contextlib
import os
import tempfile
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np

from ssgan.errors import UsageError
from ssgan.evaluate.examples import suspected_labels
from ssgan.labelling import look, picking
from ssgan.labelling.embedding import embed
from ssgan.labelling.pictures import Pictures
from ssgan.labelling.seen import Seen
from ssgan.labelling.session import Session

AT_ONCE = 50  # pictures that are chosen; when half of them are left, the next ones are
MOST_LOOKED_AT = 20_000  # open pictures, by a run, and as many labelled ones
_MOST_SUSPECTS = 60
_NICE = 10  # how much the choice stands back behind the answers to keys


class Chooser:
    """Keeps the queue of a session filled. Which pictures are chosen depends on labels, seed and run alone.

    Args:
        pictures: of the folder.
        session: their labels.
        seed: of all choices.
    """

    def __init__(self, pictures: Pictures, session: Session, *, seed: int):
        self._pictures = pictures
        self._session = session
        self._seed = seed
        self._changed = threading.Condition()
        self._is_closed = False
        self._is_choosing = True
        self._is_anew = False
        self._embedded: Seen | None = None
        self._seen: Seen | None = None
        self._looking: Popen[str] | None = None
        self._one_look = threading.Lock()
        self._error = ""
        self._way = "typical"

    @contextlib.contextmanager
    def running(self) -> Iterator["Chooser"]:
        """Chooses while entered."""
        thread = threading.Thread(target=self._work, name="choose", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            with self._changed:
                self._is_closed = True
                self._changed.notify_all()
                if self._looking:
                    self._looking.kill()
            thread.join()

    def state(self) -> dict[str, Any]:
        """Returns what the page shows of this, values of JSON."""
        seen = self._seen
        return {
            "choosing": self._is_choosing,
            "looking": self._looking is not None,
            "way": self._way,
            "seen_by": seen.run if seen else None,
            "error": self._error,
        }

    def wake(self) -> None:
        """Says that pictures of the queue have been used."""
        with self._changed:
            self._is_choosing = not self._is_closed and (self._is_choosing or self._is_short())
            self._changed.notify_all()

    def look_through(self, run: Path) -> None:
        """Has a run look at pictures, in a process of its own; the order is renewed when it has."""
        threading.Thread(target=self._look, args=(run,), name="look", daemon=True).start()

    def guess(self, number: int) -> tuple[str, float] | None:
        """Returns the class that a run predicts for a picture, and its probability; None where none looked at it."""
        return self._seen.guess(number) if self._seen else None

    def suspects(self) -> list[dict[str, Any]]:
        """Returns the labels that may be wrong, the most doubtful first, by the run's features; values of JSON.

        Raises:
            UsageError: if no run has looked at the pictures yet.
        """
        seen = self._seen
        if seen is None or seen.probabilities is None:
            raise UsageError("no run has looked at the pictures yet: train, or start with --run=RUN")
        number = {name: label for label, name in enumerate(seen.class_names)}
        known = np.array([number.get(name, -1) for name in self._session.classes] + [-1])  # the last: without a label
        labels = known[self._session.labels[seen.numbers]]
        rows = np.flatnonzero(labels >= 0)
        found = suspected_labels(seen.features[rows], seen.probabilities[rows], labels[rows])
        return [
            {"id": int(seen.numbers[rows[one.row]]), "predicted": seen.class_names[one.predicted]}
            for one in found[:_MOST_SUSPECTS]
        ]

    # In the background

    def _is_short(self) -> bool:
        return self._session.waiting < AT_ONCE // 2

    def _work(self) -> None:
        with contextlib.suppress(OSError):  # where only a whole process can stand back
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        try:
            features = embed(self._pictures.images, len(self._pictures), seed=self._seed)
            self._embedded = Seen(numbers=np.arange(len(self._pictures)), features=features)
            while not self._is_closed:
                self._choose()
                with self._changed:
                    self._is_choosing = False
                    self._changed.wait_for(lambda: self._is_closed or self._is_choosing or self._is_anew)
        except Exception as error:  # else the page would wait for ever
            self._error = f"pictures cannot be chosen any more: {error!r}"
            self._is_closed, self._is_choosing = True, False
            traceback.print_exc()

    def _choose(self) -> None:
        with self._changed:
            anew, self._is_anew = self._is_anew, False
        covered = ~self._session.open if anew else self._session.covered
        random = np.random.default_rng([self._seed, int(covered.sum())])
        labels = self._session.labels
        labels_a_class = (labels >= 0).sum() / max(1, len(np.unique(labels[labels >= 0])))
        for seen in filter(None, (self._seen, self._embedded)):
            rows = picking.next_pictures(
                seen.features,
                seen.probabilities,
                covered[seen.numbers],
                count=AT_ONCE,
                labels_a_class=labels_a_class,
                random=random,
            )
            if len(rows):
                is_few = seen.probabilities is None or labels_a_class < picking.FEW_LABELS
                self._way = "typical" if is_few else "uncertain"
                self._session.extend(seen.numbers[rows].tolist(), anew=anew)
                return

    def _look(self, run: Path) -> None:
        numbers = self._to_be_looked_at()
        with self._one_look, tempfile.TemporaryDirectory() as folder:
            result = Path(folder, "seen.npz")
            process = look.start(run, [self._pictures.paths[number] for number in numbers], result)
            with self._changed:
                self._looking = process
                if self._is_closed:
                    process.kill()
            _, told = process.communicate()
            with self._changed:
                self._looking = None
                if process.returncode == 0:
                    self._seen, self._is_anew, self._error = look.read(result, numbers, run.name), True, ""
                elif not self._is_closed:
                    reason = (told.strip().splitlines() or ["no word of why"])[-1]
                    self._error = f"{run.name} could not look at the pictures: {reason}"
                self._changed.notify_all()

    def _to_be_looked_at(self) -> picking.Numbers:
        random = np.random.default_rng(self._seed)
        kinds = np.flatnonzero(self._session.open), np.flatnonzero(self._session.labels >= 0)
        return np.sort(np.concatenate([random.permutation(rows)[:MOST_LOOKED_AT] for rows in kinds]))
