"""A command group that imports the module of a subcommand when that subcommand is called, and not before.

So `crossdock order place` does not pay for the web framework of `crossdock serve`. Help texts of the top level come from placeholders.
"""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

MODULES: dict[str, str] = {}
"""Subcommand → the module whose `app` it is."""


class LazyGroup(TyperGroup):
    """The top level: lists placeholders, runs what `MODULES` names."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the subcommand that `args` begins with, and import it."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        if name is None or placeholder is None:
            return name, placeholder, rest
        return name, get_command(importlib.import_module(MODULES[name]).app), rest


def add(app: typer.Typer, name: str, module: str, summary: str) -> None:
    """Make `module.app` the subcommand `name` of `app`, described by `summary`."""
    MODULES[name] = module
    app.add_typer(typer.Typer(), name=name, help=summary)
