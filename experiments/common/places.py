"""Where things are. Only Python's own library."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
RESULTS = ROOT / "experiments" / "results"


def work_folder() -> Path:
    """Returns the folder of images and of the peers' environments, in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ssgan" / "bench"
