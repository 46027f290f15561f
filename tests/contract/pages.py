"""Runs the commands of a documentation page as they stand there, in one shell, and compares what they print with what the page shows.

- A `bash` block is run; so is a `python` block, and a `javascript` block as a module or, with require, as a script.
- A block of another language right behind it is what it prints; `…` stands for anything, and white space does not count.
- `<!-- not run: REASON -->` right before a block says why it is only shown.

127.0.0.1:9324, where a broker listens unless it is told otherwise, stands for whatever broker the test has started.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"

RUN_BY = {
    "README.md": "pipeline",
    "docs/wire.md": "contract",
    "docs/howto/use-any-sdk.md": "contract",
    "docs/howto/run-on-aws.md": "contract",
    "docs/howto/use-messaging.md": "contract",
    "docs/howto/repair-dead-letters.md": "pipeline",
    "docs/howto/watch-and-scale.md": "pipeline",
    "docs/howto/run-the-broker.md": "journey",
    "docs/howto/back-up-and-restore.md": "journey",
}
"""The pages whose commands are run, and the tests that do it."""

PROGRAMS = {
    "bash": "{body}",
    "python": "python - <<'END_OF_BLOCK'\n{body}END_OF_BLOCK",
    "javascript": "node --input-type={kind} - <<'END_OF_BLOCK'\n{body}END_OF_BLOCK",
}
"""How a block is run, by language."""

OUTPUTS = {"json", "xml", "http", "text"}

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```\n"
    r"(?:\n```(?P<printed>json|xml|http|text)\n(?P<output>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_END = "\x1e"


@dataclass(frozen=True)
class Block:
    """A block that is run, or only shown for a reason."""

    language: str
    body: str
    reason: str | None
    """Why it is not run."""
    output: str | None
    """What the page says that it prints."""

    @property
    def command(self) -> str:
        """The block as a piece of shell."""
        kind = "commonjs" if "require(" in self.body else "module"
        return PROGRAMS[self.language].format(body=self.body, kind=kind)


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that could be run."""
    for found in _BLOCK.finditer(page.read_text()):
        if found["language"] in PROGRAMS:
            yield Block(found["language"], found["body"], found["reason"], found["output"])


def run(page: Path, environment: Mapping[str, str], folder: Path, names: Mapping[str, str]) -> None:
    """Run a page in `folder`, where the repository's folders are at hand. `names` are replaced in the commands and put back in what
    they print. AssertionError when a command fails or prints something else."""
    todo = [block for block in blocks(page) if block.reason is None]
    for name in (".venv", "examples", "deployment-scripts"):
        (folder / name).symlink_to(ROOT / name)
    script = "set -euo pipefail\n" + "".join(f"{block.command}\nprintf '\\x1e'\n" for block in todo)
    result = subprocess.run(
        ["bash", "-c", _replaced(script, list(names.items()))],
        env=dict(environment),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    printed = _replaced(result.stdout, [(there, here) for here, there in names.items()]).split(_END)
    assert result.returncode == 0, f"{page.name}: this failed:\n{todo[len(printed) - 1].command}\n{printed[-1]}"
    for block, output in zip(todo, printed, strict=False):
        if block.output is not None:
            assert matches(block.output, output), f"{page.name}: {block.command}\nprints\n{output}\nnot\n{block.output}"


def matches(shown: str, printed: str) -> bool:
    """Whether a command prints what a page shows."""
    pattern = ".*?".join(re.escape("".join(part.split())) for part in shown.split("…"))
    return re.fullmatch(pattern, "".join(printed.split()), re.DOTALL) is not None


def _replaced(text: str, pairs: Sequence[tuple[str, str]]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text


def path_with(*folders: Path) -> str:
    """A PATH that finds the programs of this Python first, then those in `folders`."""
    return os.pathsep.join(map(str, (Path(sys.executable).parent, *folders, os.environ["PATH"])))
