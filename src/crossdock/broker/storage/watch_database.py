"""The database of metrics, alarms and scaling groups, beside that of the queues: a file of its own, written at most a few times a minute.

What the watch machine asks of it is in `watch.store`. All of it belongs to the thread of the event loop.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from crossdock.broker.storage.database_files import open_unused
from crossdock.broker.storage.errors import UNREADABLE, StorageError, StorageFailed
from crossdock.broker.storage.tables import check_format
from crossdock.broker.watch.alarm import Alarm, AlarmName
from crossdock.broker.watch.group import Activity, Group, GroupName
from crossdock.broker.watch.samples import MetricName, Point, Samples, Span
from crossdock.broker.watch.store import ActivitiesListed, Event, EventsListed, MetricsListed

WATCH_FORMAT = 1

TABLES = ("metrics", "points", "alarms", "history", "groups", "activities")

SETTINGS = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA journal_size_limit = 4194304;
    PRAGMA cache_size = -2048;
"""

DAY_S = 86_400
COARSER = ((1, 60, 3 * 3_600), (60, 300, 15 * DAY_S), (300, 3_600, 63 * DAY_S))
"""Points of so many seconds are put together to ones of so many when they are so old."""
KEPT_S = 455 * DAY_S
HISTORY_KEPT_MS = 30 * DAY_S * 1_000
ACTIVITIES_KEPT_MS = 42 * DAY_S * 1_000
FORGET_EVERY_S = 3_600

FIND_METRIC = """
    SELECT number FROM metrics
    WHERE (account, region, namespace, name, dimensions, unit) = (?, ?, ?, ?, ?, ?)
"""
NEW_METRIC = """
    INSERT INTO metrics (account, region, namespace, name, dimensions, unit, last_s) VALUES (?, ?, ?, ?, ?, ?, 0) RETURNING number
"""
SEEN = "UPDATE metrics SET last_s = max(last_s, ?) WHERE number = ?"
ADD = """
    INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    count = count + excluded.count, sum = sum + excluded.sum,
    minimum = min(minimum, excluded.minimum), maximum = max(maximum, excluded.maximum)
"""
PERIODS = """
    SELECT ?7 + (start_s - ?7) / ?9 * ?9 AS begins_s, sum(count), sum(sum), min(minimum), max(maximum), unit
    FROM metrics JOIN points ON metric = number
    WHERE (account, region, namespace, metrics.name, dimensions) = (?1, ?2, ?3, ?4, ?5) AND (?6 IS NULL OR unit = ?6)
    AND start_s >= ?7 AND start_s < ?8 GROUP BY number, begins_s ORDER BY begins_s
"""
METRICS = """
    SELECT DISTINCT namespace, name, dimensions FROM metrics WHERE account = :account AND region = :region
    {of_namespace} AND (:name IS NULL OR name = :name) AND last_s >= :since_s
    AND NOT EXISTS (
        SELECT 1 FROM json_each(:dimensions) AS wanted WHERE NOT EXISTS (
            SELECT 1 FROM json_each(metrics.dimensions) AS one WHERE one.value ->> 0 = wanted.value ->> 0
            AND (wanted.value ->> 1 IS NULL OR one.value ->> 1 = wanted.value ->> 1)
        )
    )
    ORDER BY namespace, name, dimensions LIMIT :most OFFSET :first
"""
COARSEN = """
    INSERT INTO points
    SELECT metric, start_s / :coarse * :coarse, :coarse, sum(count), sum(sum), min(minimum), max(maximum)
    FROM points WHERE resolution_s = :fine AND start_s < :before GROUP BY 1, 2
    ON CONFLICT DO UPDATE SET count = count + excluded.count, sum = sum + excluded.sum,
    minimum = min(minimum, excluded.minimum), maximum = max(maximum, excluded.maximum)
"""
DROP_FINE = "DELETE FROM points WHERE resolution_s = :fine AND start_s < :before"
FORGET = (
    ("DELETE FROM points WHERE resolution_s = 3600 AND start_s < ?", KEPT_S),
    ("DELETE FROM metrics WHERE last_s < ?", KEPT_S),
)
FORGET_HISTORY = "DELETE FROM history WHERE at_ms < ?"
ALARMS = "SELECT document FROM alarms ORDER BY account, region, name"
PUT_ALARM = "INSERT OR REPLACE INTO alarms VALUES (?, ?, ?, ?)"
DELETE_ALARM = "DELETE FROM alarms WHERE (account, region, name) = (?, ?, ?)"
NOTE = "INSERT INTO history (account, region, alarm, type, at_ms, document) VALUES (?, ?, ?, ?, ?, ?)"
HISTORY = """
    SELECT document FROM history WHERE account = :account AND region = :region {of_one} AND (:type IS NULL OR type = :type)
    AND at_ms BETWEEN :start_ms AND :end_ms ORDER BY at_ms {way}, number {way} LIMIT :most OFFSET :first
"""

GROUPS = "SELECT document FROM groups ORDER BY account, region, name"
PUT_GROUP = "INSERT OR REPLACE INTO groups VALUES (?, ?, ?, ?)"
DELETE_GROUP = "DELETE FROM groups WHERE (account, region, name) = (?, ?, ?)"
NOTE_ACTIVITY = "INSERT INTO activities (account, region, scaled, id, at_ms, document) VALUES (?, ?, ?, ?, ?, ?)"
ACTIVITIES = """
    SELECT document FROM activities WHERE account = :account AND region = :region {of_one}
    AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
    ORDER BY at_ms DESC, number DESC LIMIT :most OFFSET :first
"""
FORGET_ACTIVITIES = "DELETE FROM activities WHERE at_ms < ?"


Document = TypeVar("Document")

Pairs = tuple[tuple[str, str], ...]


class WatchDatabase:
    """A `WatchStore` on disk, or, without a path, in memory."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, made first if it is not there. StorageError if it cannot be used."""
        self._path = path
        self._numbers: dict[tuple[MetricName, str], int] = {}
        self._forgot_s = 0
        try:
            self._connection = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._open()
        except sqlite3.Error as error:
            raise StorageError(
                f"{path} cannot be opened: {error}; check its rights, or move it away: metrics and alarms begin anew then"
            ) from error

    def _open(self) -> None:
        connection = self._connection
        try:
            version = check_format(connection, str(self._path), WATCH_FORMAT)
        except StorageError:
            connection.close()
            raise
        connection.executescript(SETTINGS)
        if not version:
            connection.executescript(f"BEGIN; {_schema()} PRAGMA user_version = {WATCH_FORMAT}; COMMIT;")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    # Metrics

    def add(self, metric: MetricName, point: Point, resolution_s: int) -> None:
        with self._writing():
            number = self._number(metric, point.unit)
            self._connection.execute(SEEN, (point.start_s, number))
            self._connection.execute(ADD, (number, point.start_s, resolution_s, *point.samples))

    def periods(self, metric: MetricName, span: Span, unit: str | None) -> list[Point]:
        with self._failing():
            rows = self._connection.execute(PERIODS, (*_columns(metric), unit, *span))
            return [Point(row[0], Samples(*row[1:5]), row[5]) for row in rows]

    def metrics(self, wanted: MetricsListed) -> list[MetricName]:
        statement = METRICS.format(of_namespace="" if wanted.namespace is None else "AND namespace = :namespace")
        dimensions = msgspec.json.encode(wanted.dimensions).decode()
        with self._failing():
            rows = self._connection.execute(statement, msgspec.structs.asdict(wanted) | {"dimensions": dimensions})
            return [
                MetricName(wanted.account, wanted.region, namespace, name, msgspec.json.decode(pairs, type=Pairs))
                for namespace, name, pairs in rows
            ]

    def grow_coarse(self, now_s: int) -> None:
        with self._writing():
            for fine_s, coarse_s, age_s in COARSER:
                bounds = {"fine": fine_s, "coarse": coarse_s, "before": (now_s - age_s) // coarse_s * coarse_s}
                self._connection.execute(COARSEN, bounds)
                self._connection.execute(DROP_FINE, bounds)
            if now_s - self._forgot_s < FORGET_EVERY_S:
                return
            self._forgot_s = now_s
            for statement, kept_s in FORGET:
                self._connection.execute(statement, (now_s - kept_s,))
            self._connection.execute(FORGET_HISTORY, (now_s * 1_000 - HISTORY_KEPT_MS,))
            self._connection.execute(FORGET_ACTIVITIES, (now_s * 1_000 - ACTIVITIES_KEPT_MS,))
            self._numbers.clear()

    def _number(self, metric: MetricName, unit: str) -> int:
        number = self._numbers.get((metric, unit))
        if number is None:
            row = self._connection.execute(FIND_METRIC, (*_columns(metric), unit)).fetchone()
            row = row or self._connection.execute(NEW_METRIC, (*_columns(metric), unit)).fetchone()
            number = self._numbers[metric, unit] = int(row[0])
        return number

    # Alarms and groups

    def alarms(self) -> list[Alarm]:
        return self._documents(Alarm, ALARMS)

    def put_alarm(self, alarm: Alarm) -> None:
        self._write(PUT_ALARM, *alarm.name, _json(alarm))

    def delete_alarm(self, name: AlarmName) -> None:
        self._write(DELETE_ALARM, *name)

    def note(self, event: Event) -> None:
        self._write(NOTE, *event.alarm, event.type, event.at_ms, _json(event))

    def history(self, wanted: EventsListed) -> list[Event]:
        statement = HISTORY.format(
            of_one="" if wanted.of is None else "AND alarm = :of", way="DESC" if wanted.newest_first else "ASC"
        )
        return self._documents(Event, statement, msgspec.structs.asdict(wanted))

    def groups(self) -> list[Group]:
        return self._documents(Group, GROUPS)

    def put_group(self, group: Group) -> None:
        self._write(PUT_GROUP, *group.name, _json(group))

    def delete_group(self, name: GroupName) -> None:
        self._write(DELETE_GROUP, *name)

    def note_activity(self, activity: Activity) -> None:
        self._write(NOTE_ACTIVITY, *activity.group, activity.id, activity.at_ms, _json(activity))

    def activities(self, wanted: ActivitiesListed) -> list[Activity]:
        statement = ACTIVITIES.format(of_one="" if wanted.of is None else "AND scaled = :of")
        ids = None if wanted.ids is None else msgspec.json.encode(wanted.ids).decode()
        return self._documents(Activity, statement, msgspec.structs.asdict(wanted) | {"ids": ids})

    def _documents(
        self, kind: type[Document], statement: str, arguments: Mapping[str, object] | None = None
    ) -> list[Document]:
        with self._failing():
            rows = self._connection.execute(statement, arguments or {})
            return [msgspec.json.decode(document, type=kind) for (document,) in rows]

    def _write(self, statement: str, *arguments: object) -> None:
        with self._writing():
            self._connection.execute(statement, arguments)

    # The disk

    def commit(self) -> None:
        with self._failing():
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._failing():
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """StorageFailed if the database cannot be read or written."""
        try:
            yield
        except UNREADABLE as error:
            raise StorageFailed(f"{self._path} cannot be read or written: {error}") from error


def _json(document: msgspec.Struct) -> str:
    return msgspec.json.encode(document).decode()


def _columns(metric: MetricName) -> tuple[str, str, str, str, str]:
    return *metric[:4], msgspec.json.encode(metric.dimensions).decode()


def _schema() -> str:
    return resources.files("crossdock.broker.storage").joinpath("watch.sql").read_text()


def check_watch(database: Path) -> list[str]:
    """What is wrong with the file, by SQLite's own check; nothing if it is not there."""
    if not database.exists():
        return []
    try:
        with closing(open_unused(database)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(10)")]
    except sqlite3.Error as error:
        found = [str(error)]
    return [] if found == ["ok"] else [f"{database.name}: {problem}" for problem in found]


# Backups have the tables of both databases


def take_along(backup: sqlite3.Connection, database: Path) -> None:
    """Add what is in a watch database, whatever is written to it meanwhile, to a backup."""
    if database.exists():
        backup.executescript(_schema())
        _copy(backup, database, "main", "beside")


def leave_behind(backup: sqlite3.Connection, database: Path) -> bool:
    """Move what a backup has of a watch database out of it, to a new file; whether it has anything."""
    if backup.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alarms'").fetchone() is None:
        return False
    WatchDatabase(database).close()
    _copy(backup, database, "beside", "main")
    for table in TABLES:
        backup.execute(f"DROP TABLE {table}")
    return True


def _copy(connection: sqlite3.Connection, database: Path, to: str, origin: str) -> None:
    connection.execute("ATTACH ? AS beside", (str(database),))
    connection.execute("BEGIN")
    for table in TABLES:
        connection.execute(f"INSERT INTO {to}.{table} SELECT * FROM {origin}.{table}")
    connection.execute("COMMIT")
    connection.execute("DETACH beside")
