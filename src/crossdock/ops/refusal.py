"""The one error that a tool shows to people; whoever catches it (the CLI) prints it and ends the program."""


class Refusal(Exception):
    """The tool does not go on: what is wrong, in one sentence, and what to do next, in another."""

    def __init__(self, wrong: str, remedy: str, exit_code: int = 1) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.remedy = remedy
        self.exit_code = exit_code
        """1: the world is not as it should be; 2: the command was given wrongly."""
