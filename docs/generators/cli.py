"""reference/cli.md: every command of `crossdock`, with its arguments and options."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from docs.generators.markdown import NOTICE, code, table

from crossdock.cli.commands import COMMANDS, command_of

HEAD = """# The command line

What `crossdock COMMAND --help` says, in one place. Exit codes: 0 done, 1 the world is not as wished (a sentence on stderr says what
to do), 2 the command is wrong, 74 the broker's storage failed, 130 interrupted. With `--json` a command prints one JSON document for machines. `crossdock --version` tells the version. Source: `src/crossdock/cli`.
"""

Command = Any
"""A command of the library beneath typer, which typer keeps to itself."""


def page() -> str:
    """The whole page."""
    rows = [(f"[`{name}`](#crossdock-{name})", summary) for name, summary in COMMANDS.items()]
    sections = "".join(_section(path, command) for path, command in commands())
    return f"{NOTICE}{HEAD}\n{table(('command', 'what'), rows)}{sections}"


def commands() -> Iterator[tuple[str, Command]]:
    """Every command that does something, by its full name; groups first, then what is below them."""
    for name in COMMANDS:
        yield from _below(f"crossdock {name}", command_of(name))


def _below(path: str, command: Command) -> Iterator[tuple[str, Command]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _below(f"{path} {name}", inner)


def _section(path: str, command: Command) -> str:
    mark = "#" * path.count(" ")
    text = f"\n#{mark} {path}\n\n{' '.join((command.help or '').split())}\n"
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = options_of(command)
    if arguments:
        text += "\n" + table(
            ("argument", "what"), [(code(_argument(one)), getattr(one, "help", "") or "") for one in arguments]
        )
    if options:
        text += "\n" + table(("option", "default", "environment", "what"), [option_row(one) for one in options])
    return text


def _argument(argument: Any) -> str:
    return argument.metavar or (argument.name or "").upper()


def options_of(command: Command) -> list[Any]:
    """The options of a command but for --help."""
    return [one for one in command.params if one.param_type_name == "option" and one.name != "help"]


def option_row(option: Any) -> tuple[str, str, str, str]:
    """An option as flag, default, environment variable and text."""
    flag = ", ".join(option.opts) + ("" if option.is_flag else f" {_values(option)}")
    variable = option.envvar if isinstance(option.envvar, str) else ""
    return code(flag), "required" if option.required else code(_default(option)), code(variable), option.help or ""


def _values(option: Any) -> str:
    kind = option.type_descriptor.annotation
    if issubclass(kind, Enum):
        return "|".join(str(one.value) for one in kind)
    return {int: "NUMBER", str: "TEXT", Path: "PATH"}[kind]


def _default(option: Any) -> str:
    value = getattr(option.default, "value", option.default)
    return "" if value is None or value is False else str(value)
