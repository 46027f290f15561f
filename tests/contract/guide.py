"""Takes the commands and the code out of docs/guide.md, so that the tests run what the guide says and not a copy of it."""

import re
from pathlib import Path

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guide.md"

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Every code block of the guide in one language, in order."""
    return [body for name, body in BLOCK.findall(GUIDE.read_text()) if name == language]


def block(language: str, having: str) -> str:
    """The one block that contains `having`."""
    found = [body for body in blocks(language) if having in body]
    assert len(found) == 1, f"{len(found)} {language} blocks of the guide contain {having!r}"
    return found[0]


def aws_commands(service: str) -> list[str]:
    """Every `aws SERVICE …` command, continuation lines joined, with the shell assignment around it if there is one."""
    commands = []
    for body in blocks("bash"):
        lines = "\n".join(line for line in body.splitlines() if not line.lstrip().startswith("#"))
        for statement in re.findall(
            rf"(?:^\w+=\$\()?aws {service} (?:.|\n)*?(?=\n\n|\n(?:\w+=\$\()?aws |\Z)", lines, re.MULTILINE
        ):
            commands.append(statement.strip())
    return commands
