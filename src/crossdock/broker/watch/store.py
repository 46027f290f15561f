"""What the watch machine asks of whoever keeps its state."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from crossdock.broker.watch.alarm import Alarm, AlarmName
from crossdock.broker.watch.group import Activity, Group, GroupName
from crossdock.broker.watch.samples import MetricName, Point, Span


class Event(msgspec.Struct, frozen=True):
    """An item of the history of an alarm."""

    alarm: AlarmName
    at_ms: int
    type: str
    summary: str
    data: str
    """JSON."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of what an account has in a region is wanted: of one alarm or group, or of all."""

    account: str
    region: str
    of: str | None
    first: int
    """So many are passed over."""
    most: int


class EventsListed(Listed, frozen=True, kw_only=True):
    """Which part of a history is wanted."""

    type: str | None
    start_ms: int
    end_ms: int
    """Inclusive."""
    newest_first: bool


class ActivitiesListed(Listed, frozen=True, kw_only=True):
    """Which activities are wanted, the newest first."""

    ids: list[str] | None
    """All if absent."""


class MetricsListed(msgspec.Struct, frozen=True, kw_only=True):
    """Which metrics are wanted: of a namespace and a name, where these are given, with samples since a moment."""

    account: str
    region: str
    namespace: str | None
    name: str | None
    dimensions: list[tuple[str, str | None]]
    """Each of them must be there, with this value if one is given."""
    since_s: int
    first: int
    """So many are passed over."""
    most: int


class WatchStore(Protocol):
    """Points of metrics for 15 months, as coarse as CloudWatch has them; alarms, and their history for 30 days; groups, and what they did.

    Readers see at once what was given; it is on disk after `commit`. StorageFailed where the disk does not do its part.
    """

    def add(self, metric: MetricName, point: Point, resolution_s: int) -> None:
        """Add samples to those of the same metric, unit and moment, which is a multiple of `resolution_s` (1 or 60)."""

    def periods(self, metric: MetricName, span: Span, unit: str | None) -> list[Point]:
        """The samples of a metric by period and unit, of one unit or of all, in the order of time."""

    def metrics(self, wanted: MetricsListed) -> list[MetricName]:
        """A part of the metrics, in order."""

    def alarms(self) -> Iterable[Alarm]:
        """Every alarm, for a start."""

    def put_alarm(self, alarm: Alarm) -> None:
        """Keep an alarm as it stands now."""

    def delete_alarm(self, name: AlarmName) -> None:
        """Forget an alarm, not its history."""

    def note(self, event: Event) -> None:
        """Add to the history."""

    def history(self, wanted: EventsListed) -> list[Event]:
        """A part of the history of alarms."""

    def groups(self) -> Iterable[Group]:
        """Every Auto Scaling group, for a start."""

    def put_group(self, group: Group) -> None:
        """Keep a group as it stands now."""

    def delete_group(self, name: GroupName) -> None:
        """Forget a group, not its activities."""

    def note_activity(self, activity: Activity) -> None:
        """Add to what a group did."""

    def activities(self, wanted: ActivitiesListed) -> list[Activity]:
        """A part of what groups did in the last six weeks."""

    def grow_coarse(self, now_s: int) -> None:
        """Put old points together, and forget the oldest, as time asks for."""

    def commit(self) -> None:
        """Return when all of it is on disk."""
