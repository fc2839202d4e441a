"""What happens while a run trains: progress, history, curves, samples, a look at their variety, checkpoints, a guard.

The callbacks count training steps, not epochs: `fit` sees a run as one epoch of `total_steps` batches, and every
`log_every` steps the metrics are written down and begin anew.
"""

from ssgan.training.callbacks.agreed import Agreed
from ssgan.training.callbacks.check import check_callbacks
from ssgan.training.callbacks.checkpoints import Checkpoints
from ssgan.training.callbacks.guard import NonFiniteGuard
from ssgan.training.callbacks.monitor import Monitor
from ssgan.training.callbacks.progress import Progress
from ssgan.training.callbacks.samples import Samples
from ssgan.training.callbacks.variety import Variety
from ssgan.training.callbacks.watch import Watch

__all__ = [
    "Agreed",
    "Checkpoints",
    "Monitor",
    "NonFiniteGuard",
    "Progress",
    "Samples",
    "Variety",
    "Watch",
    "check_callbacks",
]
