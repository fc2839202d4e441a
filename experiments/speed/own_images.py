"""A large folder of one's own: how long it takes to prepare, and what memory and time training takes of it.

The pictures are SYNTHETIC: a few thousand drawn ones, each under many names. They lie in the page cache, so the time of
a disk is not in the figures, and every one of them is decoded.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from experiments.common import places, processes, results

DISTINCT, CLASSES = 2000, 10
POLL_SECONDS = 0.2


def make_folder(folder: Path, *, count: int, height: int, width: int) -> None:
    """Writes a folder of JPEG files in ten classes: `DISTINCT` pictures, each as many times as it takes."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / f"class_{label}").mkdir(parents=True)
    for first in range(min(DISTINCT, count)):
        coarse = Image.fromarray(random.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
        noisy = (pixels + random.integers(-12, 13, pixels.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(content := io.BytesIO(), "JPEG", quality=85)
        file = folder / f"class_{first % CLASSES}" / f"{first:06d}.jpg"
        file.write_bytes(content.getvalue())
        for copy in range(first + DISTINCT, count, DISTINCT):
            os.link(file, folder / f"class_{copy % CLASSES}" / f"{copy:06d}.jpg")


def prepare_seconds(folder: Path, cache_dir: Path) -> dict:
    """Returns what it takes to prepare a folder at 64x64, and to find it unchanged."""
    from ssgan.data import own

    found = own.find(folder)
    preparation = own.Preparation(height=64, width=64, channels=3, resize="crop")
    taken = {}
    for name in ("seconds", "unchanged_seconds"):
        begin = time.perf_counter()
        own.load(found, "train", preparation, cache_dir=cache_dir)
        taken[name] = time.perf_counter() - begin
    size = next(iter(found.paths.values())).stat().st_size
    return {"pictures": len(found.paths), "bytes_of_one": size, **taken}


def training_memory(folder: Path, cache_dir: Path, *, steps: int) -> dict:
    """Returns the memory of a training command beyond the page cache, MiB, at its peak, and what it had read."""
    with tempfile.TemporaryDirectory() as run_dir:
        command = [sys.executable, "-m", "ssgan.train", f"--images={folder}", f"--cache_dir={cache_dir}"]
        command += ["--image_size=64", f"--total_steps={steps}", f"--run_dir={run_dir}/run", "--labels=1000"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=processes.environment())
        peak = {"RssAnon": 0, "RssFile": 0}
        while process.poll() is None:
            for name, value in resident_kib(process.pid).items():
                peak[name] = max(peak[name], value)
            time.sleep(POLL_SECONDS)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return {"anonymous_mib": round(peak["RssAnon"] / 1024), "files_mib": round(peak["RssFile"] / 1024)}


def resident_kib(pid: int) -> dict[str, int]:
    """Returns the resident memory of a process, KiB: its own, and files that it has mapped, the page cache."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssFile"))}


def input_share(folder: Path, cache_dir: Path, *, steps: int) -> dict:
    """Returns the seconds of a batch alone and of a step of the own_images recipe, medians, and their ratio."""
    import statistics

    import numpy as np

    from experiments.common import timing
    from ssgan.options import Config
    from ssgan.options.flags import parse_flags
    from ssgan.training import build, sources

    flags = [
        f"--images={folder}",
        f"--cache_dir={cache_dir}",
        "--image_size=64",
        "--labels=1000",
        "--unlabeled_start=0",
        "--flip=no",
    ]
    config = sources.find_images(parse_flags(Config, ["train", *flags], usage=""))
    images = sources.load_images(config, "train")
    config, mask, _ = sources.choose_labels(config, images)
    total = timing.WARM_UP + steps
    batches = build.batches(config, images, mask, unlabeled=np.arange(len(images)), steps=total)
    stamps = [time.perf_counter(), *(time.perf_counter() for _ in batches)]
    gan = build.build(config, image_shape=images.image_shape, num_classes=CLASSES, steps=total)
    iterator = iter(batches.repeat())
    step = timing.seconds_per_step(lambda: gan.train_on_batch(next(iterator)), steps=steps)
    batch_seconds, step_seconds = statistics.median(timing.differences(stamps)), statistics.median(step)
    return {"batch_seconds": batch_seconds, "step_seconds": step_seconds, "share": batch_seconds / step_seconds}


def main() -> None:
    """Makes the folders, measures, and writes the results file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000, help="photographs of 500x400 to prepare")
    parser.add_argument("--images", type=int, default=200_000, help="images of 64x64 to train on")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--output", type=Path, default=places.RESULTS / "own_images_speed.json")
    arguments = parser.parse_args()
    from ssgan import hardware

    about = results.about(hardware.describe())
    with tempfile.TemporaryDirectory() as name:
        folder, cache_dir = Path(name), Path(name, "cache")
        make_folder(folder / "photos", count=arguments.photos, height=400, width=500)
        prepared = prepare_seconds(folder / "photos", cache_dir)
        print(prepared, flush=True)
        make_folder(folder / "few", count=2000, height=64, width=64)
        make_folder(folder / "many", count=arguments.images, height=64, width=64)
        small = prepare_seconds(folder / "many", cache_dir)
        share = input_share(folder / "many", cache_dir, steps=arguments.steps)
        memory = {part: training_memory(folder / part, cache_dir, steps=arguments.steps) for part in ("few", "many")}
    results.put(arguments.output, **about, prepared=prepared, prepared_64=small, input=share, memory=memory)
    print(results.read(arguments.output))


if __name__ == "__main__":
    main()
