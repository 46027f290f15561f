"""Pages of a listing. A token says how many items came before."""

from typing import NamedTuple, TypeVar

from crossdock.aws.errors import InvalidNextToken

Item = TypeVar("Item")


class Page(NamedTuple):
    """A part of a listing."""

    first: int
    """So many items are passed over."""
    size: int

    def of(self, items: list[Item]) -> tuple[list[Item], str | None]:
        """Its part of all items, and the token of the next page, if there is one."""
        return self.read(items[self.first : self.first + self.size + 1])

    def read(self, found: list[Item]) -> tuple[list[Item], str | None]:
        """The same of what was read for it: from `first` on, one item more than `size` where there are more."""
        return found[: self.size], str(self.first + self.size) if len(found) > self.size else None


def page_start(token: str | None) -> int:
    """Where the page that a token names begins."""
    if token is None:
        return 0
    if not token.isascii() or not token.isdigit() or len(token) > 9:
        raise InvalidNextToken
    return int(token)
