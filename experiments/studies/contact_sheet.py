"""Draws the README's contact sheet of street_digits: python -m experiments.studies.contact_sheet"""

from pathlib import Path

from ssgan import data
from ssgan.report import sample_grid

sample_grid(
    data.load("street_digits", "test", limit=60).images,
    Path(__file__).parent / "street_digits.png",
    columns=15,
    caption="street_digits: synthetic, the first 60 test images",
)
