"""What the source says about itself: the texts under members and constants, which Python does not keep at run time."""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

from crossdock.aws import quotas

_QUOTA = re.compile(rf"\b({'|'.join(name for name in vars(quotas) if name.isupper())})\b")


@cache
def described(of: type | ModuleType) -> dict[str, str]:
    """The text under each assignment in the body of a class or module, by name."""
    body = ast.parse(inspect.getsource(of)).body
    if isinstance(of, type):
        assert isinstance(body[0], ast.ClassDef)
        body = body[0].body
    return dict(_texts(body))


def _texts(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in pairwise(body):
        target = statement.target if isinstance(statement, ast.AnnAssign) else None
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
        if (
            isinstance(target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            yield target.id, inspect.cleandoc(str(following.value.value))


class Constant(NamedTuple):
    """A constant of a module; `section` is the comment line above its group."""

    section: str
    name: str
    value: Any


def constants(module: ModuleType) -> list[Constant]:
    """The constants of a module in the order of the source."""
    source = inspect.getsource(module)
    comments = {number: line[2:] for number, line in enumerate(source.splitlines(), 1) if line.startswith("# ")}
    found = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
            section = next((comments[n] for n in sorted(comments, reverse=True) if n < statement.lineno), "")
            found.append(Constant(section, target.id, getattr(module, target.id)))
    return found


def sentence(of: type) -> str:
    """The own docstring of a class, in one line."""
    return " ".join((of.__doc__ or "").split())


def with_limits(text: str) -> str:
    """A text of the source with the names of limits replaced by what they are."""
    return _QUOTA.sub(lambda found: limit(getattr(quotas, found[1])), text)


def limit(value: Any) -> str:
    """A limit as people read it: a number, or from the lowest to the highest."""
    if isinstance(value, tuple):
        return f"{limit(value[0])} to {limit(value[1])}"
    return f"{value:,}" if isinstance(value, int) else str(value)
