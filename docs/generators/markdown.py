"""Markdown as the generated pages have it: tables, and blocks inside pages that people write."""

import re
from collections.abc import Iterable, Mapping, Sequence

NOTICE = "<!-- Written by `make docs` from the code; do not edit. -->\n\n"

_BLOCK = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. Bars in cells are escaped; a cell has one line."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def code(text: object) -> str:
    """A text set as code; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """The page with its blocks written anew. KeyError for a block that nothing writes, ValueError for one that the page lacks."""
    if missing := blocks.keys() - {name for _, name, _ in _BLOCK.findall(page)}:
        raise ValueError(f"the page has no block {sorted(missing)}")
    return _BLOCK.sub(lambda found: f"{found[1]}\n{blocks[found[2]]}\n{found[3]}", page)
