"""Small folders of pictures, drawn for the tests: classes that differ in colour."""

import numpy as np
from PIL import Image

COLORS = {"apple": (200, 40, 30), "lime": (60, 200, 40), "plum": (90, 30, 160)}


def picture(name, seed, *, height=40, width=48):
    """Returns a picture of a class: noise about its colour."""
    noise = np.random.default_rng([seed, *name.encode()]).integers(-30, 31, (height // 4, width // 4, 3))
    pixels = (np.array(COLORS[name]) + noise).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((width, height))


def write_folder(folder, *, of_each=6, unlabeled=0, test=0, **size):
    """Writes PNG files in class folders, in train/ and test/ where there are test pictures; returns the folder."""
    train = folder / "train" if test else folder
    for part, first, count in ((train, 0, of_each), (folder / "test", 1000, test)):
        for name in COLORS if count else ():
            (part / name).mkdir(parents=True)
            for seed in range(first, first + count):
                picture(name, seed, **size).save(part / name / f"{seed}.png")
    if unlabeled:
        (folder / "_unlabeled").mkdir(parents=True)
        for seed in range(2000, 2000 + unlabeled):
            picture(list(COLORS)[seed % 3], seed, **size).save(folder / "_unlabeled" / f"{seed}.png")
    return folder
