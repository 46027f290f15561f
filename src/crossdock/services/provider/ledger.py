"""The provider's books: an SQLite file, each entry on disk before it is answered.

Statements run on the event-loop thread: a write is one short transaction, and the provider is one process. What to charge is
decided elsewhere.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from crossdock.services.durable_file import open_file
from crossdock.services.provider.model import Charge, Knobs, Refund

S = TypeVar("S", bound=msgspec.Struct)

_SCHEMA = Path(__file__).parent / "schema.sql"

_CHARGE_COLUMNS = "id, idempotency_key, reference, amount, currency, card, status, code, created_ms"
_REFUND_COLUMNS = "id, idempotency_key, charge, reference, amount, currency, created_ms"

ADD_CHARGE = f"INSERT INTO charges ({_CHARGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
ADD_REFUND = f"INSERT INTO refunds ({_REFUND_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
ADD_WEBHOOK = "INSERT INTO webhooks (body, due_ms) VALUES (?, ?)"
CHARGE_BY_KEY = f"SELECT {_CHARGE_COLUMNS} FROM charges WHERE idempotency_key = ?"
CHARGE_BY_ID = f"SELECT {_CHARGE_COLUMNS} FROM charges WHERE id = ?"
REFUND_BY_KEY = f"SELECT {_REFUND_COLUMNS} FROM refunds WHERE idempotency_key = ?"
REFUND_OF_CHARGE = f"SELECT {_REFUND_COLUMNS} FROM refunds WHERE charge = ?"
NEWEST_CHARGES = f"SELECT {_CHARGE_COLUMNS} FROM charges ORDER BY rowid DESC LIMIT ?"
NEWEST_REFUNDS = f"SELECT {_REFUND_COLUMNS} FROM refunds ORDER BY rowid DESC LIMIT ?"
CHARGES_OF = f"SELECT {_CHARGE_COLUMNS} FROM charges WHERE reference = ? ORDER BY rowid LIMIT ?"
REFUNDS_OF = f"SELECT {_REFUND_COLUMNS} FROM refunds WHERE reference = ? ORDER BY rowid LIMIT ?"
DUE_WEBHOOKS = "SELECT number, body, tries FROM webhooks WHERE due_ms <= ? ORDER BY due_ms, number LIMIT ?"
NEXT_DUE = "SELECT min(due_ms) FROM webhooks"


class PendingWebhook(msgspec.Struct, frozen=True):
    """An event that is due."""

    number: int
    body: str
    tries: int


class Ledger:
    """The books, open. Raises CannotStart when the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._db = open_file(path, _SCHEMA)

    def close(self) -> None:
        self._db.close()

    def charge_by_key(self, key: str) -> Charge | None:
        return self._one(Charge, CHARGE_BY_KEY, key)

    def charge(self, charge_id: str) -> Charge | None:
        return self._one(Charge, CHARGE_BY_ID, charge_id)

    def refund_by_key(self, key: str) -> Refund | None:
        return self._one(Refund, REFUND_BY_KEY, key)

    def refund_of(self, charge_id: str) -> Refund | None:
        return self._one(Refund, REFUND_OF_CHARGE, charge_id)

    def charges(self, reference: str | None, limit: int) -> list[Charge]:
        """Of one order, or the newest of all."""
        return self._many(Charge, *((CHARGES_OF, reference, limit) if reference else (NEWEST_CHARGES, limit)))

    def refunds(self, reference: str | None, limit: int) -> list[Refund]:
        """Of one order, or the newest of all."""
        return self._many(Refund, *((REFUNDS_OF, reference, limit) if reference else (NEWEST_REFUNDS, limit)))

    def record(self, entry: Charge | Refund, webhooks: Sequence[tuple[str, int]]) -> None:
        """Write an entry and its events (body, due_ms) in one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.execute(ADD_CHARGE if isinstance(entry, Charge) else ADD_REFUND, msgspec.structs.astuple(entry))
            self._db.executemany(ADD_WEBHOOK, webhooks)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def has_failed(self, key: str) -> bool:
        return self._db.execute("SELECT 1 FROM faults WHERE idempotency_key = ?", (key,)).fetchone() is not None

    def note_fault(self, key: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO faults VALUES (?)", (key,))

    def due_webhooks(self, now_ms: int, limit: int) -> list[PendingWebhook]:
        return self._many(PendingWebhook, DUE_WEBHOOKS, now_ms, limit)

    def next_webhook_ms(self) -> int | None:
        """When the earliest event is due."""
        due: int | None = self._db.execute(NEXT_DUE).fetchone()[0]
        return due

    def drop_webhook(self, number: int) -> None:
        self._db.execute("DELETE FROM webhooks WHERE number = ?", (number,))

    def postpone_webhook(self, number: int, due_ms: int) -> None:
        self._db.execute("UPDATE webhooks SET tries = tries + 1, due_ms = ? WHERE number = ?", (due_ms, number))

    def knobs(self) -> Knobs:
        row = self._db.execute("SELECT body FROM knobs").fetchone()
        return msgspec.json.decode(row[0], type=Knobs) if row else Knobs()

    def set_knobs(self, knobs: Knobs) -> None:
        self._db.execute("INSERT OR REPLACE INTO knobs VALUES (1, ?)", (msgspec.json.encode(knobs).decode(),))

    def _many(self, kind: type[S], statement: str, *values: Any) -> list[S]:
        return [_struct(kind, row) for row in self._db.execute(statement, values)]

    def _one(self, kind: type[S], statement: str, *values: Any) -> S | None:
        row = self._db.execute(statement, values).fetchone()
        return _struct(kind, row) if row else None


def _struct(kind: type[S], row: tuple[Any, ...]) -> S:
    return msgspec.convert(dict(zip(kind.__struct_encode_fields__, row, strict=True)), kind)
