"""A hook of mkdocs: the files of the repository that a page links to become files of the site, under source/.

So that the same relative link leads somewhere on the site and where the repository is read.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)]*)?(\))")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Turns the links of a page to files outside docs/, and adds these files."""
    source = Path(page.file.abs_src_path)

    def turned(found: re.Match) -> str:
        before, target, anchor, after = found.groups()
        path = (source.parent / target).resolve()
        if "://" in target or path.is_relative_to(ROOT / "docs") or not path.is_file():
            return found[0]  # mkdocs itself warns of one that leads nowhere
        uri = f"source/{path.relative_to(ROOT).as_posix()}"
        uri = f"{uri}.txt" if path.suffix == ".md" else uri  # as it is; a page would need links of its own
        if uri not in files.src_uris:
            files.append(File.generated(config, uri, abs_src_path=str(path)))
        up = "../" * page.file.src_uri.count("/")
        return f"{before}{up}{uri}{anchor or ''}{after}"

    return _LINK.sub(turned, markdown)
