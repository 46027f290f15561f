"""Writes what the documents take from the code: the pages of reference/, and the tables and pictures inside other pages.

`make docs` runs it. What it writes is checked in, and a test fails when a page and the code say different things. Words come from the
code: a description that is missing on a page is missing there.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from docs.generators import actions, cli, errors, lifecycle, metrics, permissions, queue_attributes, quotas, settings
from docs.generators.markdown import filled

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "actions.md": actions.page,
    "cli.md": cli.page,
    "errors.md": errors.page,
    "metrics.md": metrics.page,
    "queue-attributes.md": queue_attributes.page,
    "quotas.md": quotas.page,
    "settings.md": settings.page,
}
"""Pages of reference/ that are written whole."""

BLOCKS: dict[str, Callable[[], dict[str, str]]] = {
    "lifecycle.md": lifecycle.blocks,
    "howto/run-on-aws.md": permissions.blocks,
}
"""Pages with blocks between `<!-- generated: NAME -->` and `<!-- end -->`, by name."""


def documents() -> Iterator[tuple[Path, str]]:
    """Every page that the code has a part in, and the text that it should have."""
    for name, page in PAGES.items():
        yield REFERENCE / name, page()
    for name, blocks in BLOCKS.items():
        path = DOCS / name
        yield path, filled(path.read_text(), blocks())


def main() -> None:
    """Bring the pages up to date, and name those that changed."""
    REFERENCE.mkdir(exist_ok=True)
    for path, text in documents():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
