"""The named recipes: files of `configs/`, which lie beside the package in a clone and inside it once installed."""

from pathlib import Path

from ssgan.errors import UsageError
from ssgan.store import files

OWN_IMAGES = "own_images"  # taken with --images, where no other is named
_PACKAGE = Path(__file__).resolve().parents[1]


def names() -> list[str]:
    """Returns the names that `--recipe` takes."""
    return sorted(path.stem for path in _folder().glob("*.cfg"))


def lines(name: str) -> list[str]:
    """Returns the options of a recipe, `--name=value` each.

    Raises:
        UsageError: for another name.
    """
    if name not in names():
        raise UsageError(f"--recipe={name[:100]}: expected one of {', '.join(names())}; a file is read by --flagfile")
    return option_lines(_folder() / f"{name}.cfg")


def option_lines(path: Path) -> list[str]:
    """Returns the lines of a flagfile without comments."""
    found = [line.strip() for line in files.read_text(path).split("\n")]
    return [line for line in found if line and not line.startswith(("#", "//"))]


def _folder() -> Path:
    installed = _PACKAGE / "configs"
    return installed if installed.is_dir() else _PACKAGE.parent / "configs"
