"""reference/errors.md: every error, in the words of each protocol."""

import ast
import inspect
import re
from pathlib import Path

from docs.generators.markdown import NOTICE, code, table
from docs.generators.raised import errors_of
from docs.generators.source import sentence

from crossdock import broker
from crossdock.aws import errors
from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError

HEAD = """# Errors

An error has a shape, which JSON tells in `__type`, and a code, which the Query protocol tells in `<Code>` and JSON in the header
`x-amzn-query-error`; SDKs show the code as `Error.Code` over both protocols. Below status 500 the sender is at fault. The text is the usual
one; where there is something to name, the text names it. Source: `src/crossdock/aws/errors.py`.
"""

SECTIONS = {
    "SQS": "Of SQS",
    "CloudWatch": "Of CloudWatch",
    "Auto Scaling": "Of Auto Scaling",
    "Common to all services": "Common to all services",
}
"""The comment above a group of errors in the source, and how the page calls it."""


def page() -> str:
    """The whole page."""
    return NOTICE + HEAD + "".join(_section(name) for name in SECTIONS)


def _section(comment: str) -> str:
    found = [error for error, section in _declared().items() if section == comment]
    return f"\n## {SECTIONS[comment]}\n" + "".join(_error(error) for error in found)


def _error(error: type[ApiError]) -> str:
    actions = [name for name, one in sqs.OPERATIONS.items() if error in errors_of(one.input)]
    words = table(("code", "status", "text"), [(code(error.code), str(error.status), _text(error))])
    note = ", ".join(f"[{name}](actions.md#{name.lower()})" for name in actions)
    if not _is_answered(error):
        note = "Known from AWS; the broker does not answer it."
    return f"\n### {error.shape}\n\n{words}" + (f"\n{note}\n" if note else "")


def _is_answered(error: type[ApiError]) -> bool:
    """Whether any part of the broker, or of what it shares with clients, names the error."""
    folders = (Path(errors.__file__).parent, Path(broker.__file__).parent)
    sources = (path for folder in folders for path in folder.rglob("*.py") if path != Path(errors.__file__))
    return any(re.search(rf"\b{error.__name__}\b", path.read_text()) for path in sources)


def _text(error: type[ApiError]) -> str:
    if error.query_message is None:
        return sentence(error)
    return f"{sentence(error)} In Query: {error.query_message}"


def _declared() -> dict[type[ApiError], str]:
    """The errors in the order of the source, each with the comment above its group; those that have no group come last."""
    source = inspect.getsource(errors)
    comments = {number: line[2:] for number, line in enumerate(source.splitlines(), 1) if line.startswith("# ")}
    found: dict[type[ApiError], str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name not in ("ApiError", "SenderError"):
            section = next((comments[n] for n in sorted(comments, reverse=True) if n < node.lineno), "")
            found[getattr(errors, node.name)] = section or "Common to all services"
    return {ApiError: "Common to all services", **found}
