"""Draws results/contact_sheet.png, the first images of street_digits: python -m experiments.studies.contact_sheet"""

import argparse

from experiments.common import places


def main() -> None:
    """Draws the sheet."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    from ssgan import data
    from ssgan.report import sample_grid

    sample_grid(
        data.load("street_digits", "test", limit=60).images,
        places.RESULTS / "contact_sheet.png",
        columns=15,
        caption="street_digits: synthetic, the first 60 test images",
    )


if __name__ == "__main__":
    main()
