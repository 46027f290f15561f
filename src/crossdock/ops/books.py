"""The databases of the services, the provider and the inbox, opened for reading only, as the values that the audit judges.

The statements stand in `books.sql`, each after its name: the one place outside a service that knows its tables.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from crossdock.ops.audit import Books, ChargeRow, NoticeRow, OrderRow, PaymentRow, Step
from crossdock.ops.refusal import Refusal

FILES = {
    "orders": "orders/orders.db",
    "payments": "payments/payments.db",
    "notifications": "notifications/notifications.db",
    "provider": "provider/provider.db",
    "inbox": "inbox/mailbox.db",
}
"""Below the data folder of a pipeline."""

BUSY_S = 10.0

_STATEMENTS: dict[str, str] = dict(
    re.findall(r"^-- name: (\w+)\n(.*?;)", Path(__file__).with_name("books.sql").read_text(), re.DOTALL | re.MULTILINE)
)


def read_books(data: Path) -> Books:
    """Everything that the audit looks at. Raises Refusal when a database is missing or cannot be read.

    Each database is read in a moment of its own; a pipeline at work changes between them.
    """
    with _opened(data) as read:
        return Books(
            charges=tuple(_charge(*row) for row in read("provider", "charges")),
            payments=tuple(PaymentRow(*row) for row in read("payments", "payments")),
            orders=tuple(OrderRow(*row) for row in read("orders", "orders")),
            steps=tuple(Step(*row) for row in read("orders", "steps")),
            notices=tuple(NoticeRow(*row) for row in read("notifications", "notices")),
            mails=Counter(str(message_id) for (message_id,) in read("inbox", "mails")),
            unsent=Counter({name: read(name, "unsent")[0][0] for name in ("orders", "payments", "notifications")}),
        )


class _Reader:
    """Runs a named statement on a named database."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __call__(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        file = (self._data / FILES[database]).resolve()
        with closing(sqlite3.connect(f"file:{_quoted(file)}?mode=ro", uri=True, timeout=BUSY_S)) as connection:
            return connection.execute(_STATEMENTS[statement]).fetchall()


@contextmanager
def _opened(data: Path) -> Iterator[_Reader]:
    missing = [name for name, file in FILES.items() if not (data / file).is_file()]
    if missing:
        raise Refusal(
            f"there is no pipeline's data in {data} ({', '.join(missing)} missing)",
            "name the folder of a pipeline with --data",
        )
    try:
        yield _Reader(data)
    except sqlite3.Error as error:
        raise Refusal(
            f"a database in {data} cannot be read: {error}", "see whether the disk is full or the file damaged"
        ) from None


def _charge(charge_id: str, order_id: str, amount: int, currency: str, succeeded: int, refunded: int) -> ChargeRow:
    return ChargeRow(charge_id, order_id, amount, currency, bool(succeeded), bool(refunded))


def _quoted(file: Path) -> str:
    """A path as SQLite's URIs want it."""
    return str(file).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
