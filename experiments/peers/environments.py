"""Virtual environments for the peers, which need other packages than ssgan. Only Python's own library."""

import subprocess
import sys
from pathlib import Path

TORCH = "torch==2.13.0"
# Each environment: its calls of `pip install`, in order. The CPU build of PyTorch is taken where pip finds one
# (`pip config set global.extra-index-url`, or PIP_EXTRA_INDEX_URL); the other one is as fast, but much larger.
INSTALLS = {
    "torch": [[TORCH, "numpy>=2"]],
    "lamda_ssl": [
        [TORCH, "numpy<2", "scikit-learn==1.3.2", "scipy<1.14", "pillow", "requests"],
        # What LAMDA-SSL 1.0.2 declares cannot be had for this PyTorch; what it imports is here.
        ["--no-deps", "lamda-ssl==1.0.2", "torchvision==0.15.2"],
    ],
    "modssc": [[TORCH, "modssc==1.2.2"]],
}


def python_of(name: str, folder: Path) -> Path:
    """Returns the interpreter of an environment, made first if it is not complete.

    Args:
        name: a key of `INSTALLS`.
        folder: where the environments are; the log of pip is written there too.

    Raises:
        SystemExit: if an installation fails; the message names the log and quotes its end.
    """
    environment, log = folder / name, folder / f"{name}.log"
    python, complete = environment / "bin" / "python", environment / "complete.txt"
    wanted = "\n".join(" ".join(install) for install in INSTALLS[name])
    if complete.exists() and complete.read_text() == wanted:
        return python
    print(f"making the environment of {name} (log: {log}) ...", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    _call([sys.executable, "-m", "venv", "--clear", environment], log)
    for install in INSTALLS[name]:
        _call([python, "-m", "pip", "install", *install], log)
    complete.write_text(wanted)
    return python


def _call(command: list[str | Path], log: Path) -> None:
    with open(log, "a") as file:
        print("$", *command, file=file, flush=True)
        status = subprocess.run(command, stdout=file, stderr=file).returncode
    if status:
        end = "\n".join(log.read_text().splitlines()[-8:])
        sys.exit(f"error: {' '.join(map(str, command))} failed with status {status}; {log} ends with\n{end}")
