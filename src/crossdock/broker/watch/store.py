"""What the watch machine asks of whoever keeps its state."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from crossdock.broker.watch.alarm import Alarm, AlarmName
from crossdock.broker.watch.group import Activity, Group, GroupName
from crossdock.broker.watch.samples import MetricName, Point


class Event(msgspec.Struct, frozen=True):
    """An item of the history of an alarm."""

    alarm: AlarmName
    at_ms: int
    type: str
    summary: str
    data: str
    """JSON."""


class WatchStore(Protocol):
    """Points of metrics for 15 months, as coarse as CloudWatch has them; alarms, and their history for 30 days; groups, and what they did.

    Readers see at once what was given; it is on disk after `commit`. StorageFailed where the disk does not do its part.
    """

    def add(self, metric: MetricName, point: Point, resolution_s: int) -> None:
        """Add samples to those of the same metric, unit and moment, which is a multiple of `resolution_s` (1 or 60)."""

    def points(self, metric: MetricName, start_s: int, end_s: int, unit: str | None) -> list[Point]:
        """The points of a metric with `start_s <= start < end_s`, of one unit or of all, in order."""

    def metrics(self, account: str, region: str, since_s: int) -> list[MetricName]:
        """The metrics that had samples since a moment, in order."""

    def alarms(self) -> Iterable[Alarm]:
        """Every alarm, for a start."""

    def put_alarm(self, alarm: Alarm) -> None:
        """Keep an alarm as it stands now."""

    def delete_alarm(self, name: AlarmName) -> None:
        """Forget an alarm, not its history."""

    def note(self, event: Event) -> None:
        """Add to the history."""

    def history(self, account: str, region: str, alarm: str | None) -> list[Event]:
        """The history of one alarm or of all of them, the oldest first."""

    def groups(self) -> Iterable[Group]:
        """Every Auto Scaling group, for a start."""

    def put_group(self, group: Group) -> None:
        """Keep a group as it stands now."""

    def delete_group(self, name: GroupName) -> None:
        """Forget a group, not its activities."""

    def note_activity(self, activity: Activity) -> None:
        """Add to what a group did."""

    def activities(self, account: str, region: str, group: str | None) -> list[Activity]:
        """What one group did, or all of them, in the last six weeks: the newest first."""

    def grow_coarse(self, now_s: int) -> None:
        """Put old points together, and forget the oldest, as time asks for."""

    def commit(self) -> None:
        """Return when all of it is on disk."""
