"""Writes the tables of the README and of docs/ from the results in experiments/results/ and from the options.

  python -m experiments.readme            writes them in place
  python -m experiments.readme --check    changes nothing; exits with 1 and names the tables that differ

A table stands between `<!-- table NAME -->` and `<!-- /table -->`; the names are those of `tables.TABLES`.
"""

import argparse
import re
from pathlib import Path

from experiments.tables import TABLES

ROOT = Path(__file__).parents[1]
_TABLE = re.compile(r"(<!-- table (.+?) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if a table differs")
    check = parser.parse_args().check
    differing = [name for path in pages() for name in bring_up_to_date(path, write=not check)]
    if check and differing:
        raise SystemExit("\n".join([*differing, "these tables differ; write them with: python -m experiments.readme"]))
    print("\n".join([f"written: {name}" for name in differing]) or "every table is up to date")


def pages() -> list[Path]:
    """Returns the files that may hold tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def bring_up_to_date(path: Path, *, write: bool) -> list[str]:
    """Compares the tables of a page with the results, and writes them anew if that is wanted.

    Returns:
        The tables that differ, or differed, as `file: name`.

    Raises:
        SystemExit: for a table of a name that is not known, or one without an end.
    """
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    text, differing = path.read_text(), []

    def anew(found: re.Match) -> str:
        start, name, before, end = found.groups()
        if name not in TABLES:
            raise SystemExit(f"{shown}: there is no table {name!r}; expected one of {', '.join(TABLES)}")
        content = f"\n{TABLES[name]()}\n\n"
        if content != before:
            differing.append(f"{shown}: {name}")
        return f"{start}{content}{end}"

    if len(_TABLE.findall(text)) != text.count("<!-- table "):
        raise SystemExit(f"{shown}: a table has no end; expected <!-- /table -->")
    updated = _TABLE.sub(anew, text)
    if write and updated != text:
        path.write_text(updated)
    return differing


if __name__ == "__main__":
    main()
