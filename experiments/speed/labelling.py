"""The labelling page: how soon after a key the next picture is seen, how long it takes to choose, and its memory.

  python -m experiments.speed.labelling

The pictures are SYNTHETIC, see `experiments.speed.own_images`. A browser presses keys at the page of 20,000 photographs
and notes when each next picture has been drawn; the server's memory is its own, beside files that it has mapped.
Then pictures are chosen from 200,000: by the embedding, which is made first, and by features and predictions as those
of a run. Needs Chromium and playwright.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from experiments.common import places, processes, results
from experiments.speed.own_images import make_folder, resident_kib

HEIGHT, WIDTH = 400, 500  # of the photographs, pixels
THINK_SECONDS = 0.15  # between a picture and the key that answers it; a person takes longer
_NOTE = """() => {
    window.shown = [];
    document.addEventListener("keydown", () => shown.push({ key: performance.now() }), true);
    new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
        shown.at(-1).seen ??= performance.now();
    }))).observe(document.getElementById("one"), { childList: true });
}"""


def main() -> None:
    """Measures all and writes the results file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20_000, help="of the page, default %(default)s")
    parser.add_argument("--chosen_from", type=int, default=200_000, help="pictures, default %(default)s")
    parser.add_argument("--keys", type=int, default=200, help="that are pressed, default %(default)s")
    parser.add_argument("--output", type=Path, default=places.RESULTS / "labelling_speed.json")
    options = parser.parse_args()
    from ssgan import hardware

    about = results.about(hardware.describe())
    with tempfile.TemporaryDirectory() as name:
        page = at_the_page(Path(name), count=options.pictures, keys=options.keys)
    print(page, flush=True)
    choosing = seconds_to_choose(options.chosen_from)
    print(choosing, flush=True)
    results.put(options.output, **about, page=page, choosing=choosing)


def at_the_page(folder: Path, *, count: int, keys: int) -> dict[str, Any]:
    """Returns milliseconds from a key to the next picture, and the memory of the server, MiB."""
    make_folder(folder / "made", count=count, height=HEIGHT, width=WIDTH)
    (folder / "photos").mkdir()
    for number, path in enumerate(sorted((folder / "made").rglob("*.jpg"))):
        path.rename(folder / "photos" / f"{number:06d}.jpg")
    command = [sys.executable, "-m", "ssgan.label", str(folder / "photos"), "--classes=a,b,c,d,e"]
    server = subprocess.Popen(
        [*command, f"--cache_dir={folder}/cache"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=processes.environment(),
    )
    try:
        assert server.stdout is not None
        printed = [server.stdout.readline() for _ in range(2)]
        if not (found := re.fullmatch(r"page +(\S+)\n", printed[1])):
            raise SystemExit(f"ssgan.label did not start: {printed}")
        taken = milliseconds(found[1], keys)
        memory = {name: round(value / 1024) for name, value in resident_kib(server.pid).items()}
    finally:
        server.terminate()
        server.communicate()
    return {
        "pictures": count,
        "keys": len(taken),
        "median_ms": statistics.median(taken),
        "quantile_95_ms": statistics.quantiles(taken, n=20)[-1],
        "most_ms": max(taken),
        "anonymous_mib": memory["RssAnon"],
        "files_mib": memory["RssFile"],
    }


def milliseconds(address: str, keys: int) -> list[float]:
    """Returns how long after each key the next picture had been drawn."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.goto(address)
        tab.locator("#one img").wait_for(timeout=120_000)
        tab.evaluate(_NOTE)
        for number in range(keys):
            time.sleep(THINK_SECONDS)
            tab.keyboard.press(str(1 + number % 5))
            tab.wait_for_timeout(THINK_SECONDS * 1000)
        noted = tab.evaluate("shown")
        browser.close()
    return [each["seen"] - each["key"] for each in noted if "seen" in each]


def seconds_to_choose(count: int) -> dict[str, Any]:
    """Returns the seconds that it takes to choose the next pictures among so many."""
    import numpy as np

    from ssgan.labelling import chooser, picking
    from ssgan.labelling.embedding import embed

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (chooser.MOST_LOOKED_AT, 64, 64, 3), np.uint8)
    covered = np.zeros(count, bool)
    features, embedding = _timed(lambda: embed(lambda rows: images[rows % len(images)], count, seed=0))
    found: dict[str, Any] = {"pictures": count, "embed_seconds": embedding}
    for labels in (0, 100, 400):
        covered[random.permutation(count)[:labels]] = True
        chance: dict[str, Any] = {"count": chooser.AT_ONCE, "random": np.random.default_rng(labels)}
        _, found[f"typical_seconds_{labels}_labels"] = _timed(lambda: picking.typical(features, covered, **chance))  # noqa: B023
    some = min(count, chooser.MOST_LOOKED_AT)
    of_run = random.normal(size=(some, 128)).astype(np.float32), random.dirichlet(np.ones(10), some).astype(np.float32)
    _, found["uncertain_seconds"] = _timed(lambda: picking.uncertain(*of_run, covered[:some], **chance))
    return found


def _timed(work: Any) -> tuple[Any, float]:
    begin = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begin


if __name__ == "__main__":
    main()
