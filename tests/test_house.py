"""The house rules, run as a test: size, openings, banned calls, junk drawers."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "crossdock"

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

DECLARATIONS = {"aws/api/cloudwatch.py", "aws/api/sqs.py", "aws/errors.py"}
"""Declarative tables, which may be longer."""

JUNK_DRAWERS = {"utils", "util", "helpers", "common", "misc", "base", "core", "manager", "constants"}

BANNED = {
    ("time", "time"): "Clock.now_ms",
    ("time", "time_ns"): "Clock.now_ms",
    ("time", "monotonic"): "Clock.monotonic_ms",
    ("time", "sleep"): "await a deadline",
    ("datetime", "now"): "Clock.now_ms",
    ("datetime", "utcnow"): "Clock.now_ms",
    ("uuid", "uuid4"): "Clock.new_id",
    ("random", "random"): "Clock.random",
    ("os", "urandom"): "Clock.new_id",
    ("os", "getenv"): "a settings object",
}
"""What only clock.py and settings may touch, and what everybody else uses instead."""


def untidy(path: Path, name: str) -> Iterator[str]:
    """Every breach of the house rules in one file."""
    text = path.read_text()
    tree = ast.parse(text)
    lines = text.count("\n")
    if path.stem in JUNK_DRAWERS:
        yield f"{name}: a junk drawer, name it after what it holds"
    if lines > FILE_LINES_MAX and name not in DECLARATIONS:
        yield f"{name}: {lines} lines, at most {FILE_LINES_MAX}"
    if lines and not ast.get_docstring(tree):
        yield f"{name}: opens without saying what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from untidy_function(node, name)
        if isinstance(node, ast.Global):
            yield f"{name}:{node.lineno}: global statement"
        if (
            isinstance(node, ast.Call)
            and isinstance(called := node.func, ast.Attribute)
            and isinstance(called.value, ast.Name)
            and name != "clock.py"
            and (instead := BANNED.get((called.value.id, called.attr)))
        ):
            yield f"{name}:{node.lineno}: {called.value.id}.{called.attr} is banned, use {instead}"


def untidy_function(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[str]:
    """Every breach of the house rules in one function."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > FUNCTION_LINES_MAX:
        yield f"{name}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"
    if any(isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node)):
        yield f"{name}:{node.lineno}: {node.name} imports inside a function"


def test_the_house_is_tidy() -> None:
    """No file of the package breaks a house rule."""
    found = [line for path in sorted(ROOT.rglob("*.py")) for line in untidy(path, path.relative_to(ROOT).as_posix())]
    assert not found, "\n".join(found)


def test_a_breach_is_found(tmp_path: Path) -> None:
    """The rules bite: a file that breaks each of them is reported for each."""
    bad = tmp_path / "utils.py"
    bad.write_text("def f():\n    import time\n    global x\n    time.sleep(1)\n" + "    x = 1\n" * 400)
    found = "\n".join(untidy(bad, "utils.py"))
    for breach in (
        "junk drawer",
        "at most 400",
        "what it is for",
        "at most 60",
        "inside a function",
        "global",
        "banned",
    ):
        assert breach in found
