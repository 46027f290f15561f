"""Which errors an action may be refused with: those that its function raises, and those that the functions called there raise.

Found in the source of `broker.queues` from the command table on, without running anything. A method is looked up by its name alone, so an
error may be listed that an action never meets; none is missing that is raised or made there by its name.
"""

import ast
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import FunctionType

from crossdock.aws.errors import ApiError, QueueDoesNotExist, ServiceUnavailable
from crossdock.aws.shapes import Shape
from crossdock.broker import queues
from crossdock.broker.queues import machine

Errors = set[type[ApiError]]


def errors_of(command: type[Shape]) -> Errors:
    """The errors of an action's own; what any request may meet (signature, parsing, storage) is not among them."""
    if command in machine.QUEUE_ACTIONS:
        return {QueueDoesNotExist, *_raised(machine.QUEUE_ACTIONS[command], set())}
    return _raised(machine.ACCOUNT_ACTIONS[command], set())


def _raised(function: object, seen: set[object]) -> Errors:
    """The errors that a function raises, itself or further down; `seen` holds the functions that were looked at."""
    if not isinstance(function, FunctionType) or function in seen:
        return set()
    seen.add(function)
    found: Errors = set()
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            found |= set(_errors_in(node.exc, function))
        elif isinstance(node, ast.Call):
            found |= set(_errors_in(node.func, function))
        elif isinstance(node, ast.Name):
            found |= _raised(function.__globals__.get(node.id), seen)
        elif isinstance(node, ast.Attribute) and not list(_errors_in(node.value, function)):
            for method in _methods().get(node.attr, ()):
                found |= _raised(method, seen)
    return found - {ApiError, ServiceUnavailable}


@cache
def _tree(function: FunctionType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _errors_in(expression: ast.AST, function: FunctionType) -> Iterator[type[ApiError]]:
    for node in ast.walk(expression):
        named = function.__globals__.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(named, type) and issubclass(named, ApiError):
            yield named


@cache
def _methods() -> dict[str, list[FunctionType]]:
    """The functions, methods and properties of the queue machine by name; not those of the machine itself, which nobody there calls."""
    found: dict[str, list[FunctionType]] = {}
    for info in pkgutil.iter_modules(queues.__path__, f"{queues.__name__}."):
        module = import_module(info.name)
        if module is machine:
            continue
        functions = [one for one in vars(module).values() if getattr(one, "__module__", None) == module.__name__]
        members = [one for kind in functions if isinstance(kind, type) for one in vars(kind).values()]
        for one in (*functions, *members):
            function = getattr(one, "fget", one)
            if isinstance(function, FunctionType):
                found.setdefault(function.__name__, []).append(function)
    return found
