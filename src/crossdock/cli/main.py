"""The command `crossdock` and its subcommands."""


def main() -> None:
    """Run the command line."""
