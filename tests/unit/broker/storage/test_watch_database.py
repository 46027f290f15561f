"""The database of metrics: how points grow old."""

from crossdock.broker.storage.watch_database import DAY_S, KEPT_S, WatchDatabase
from crossdock.broker.watch.samples import MetricName, Point, Span, one, together
from crossdock.broker.watch.store import MetricsListed

METRIC = MetricName("000000000000", "us-east-1", "Shop", "Errors", (("Host", "a"),))
BEGIN_S = 1_700_000_000 // DAY_S * DAY_S


def points(database: WatchDatabase, period_s: int) -> list[Point]:
    return database.periods(METRIC, Span(BEGIN_S, BEGIN_S + DAY_S, period_s), None)


def test_points_are_put_together_as_they_grow_old() -> None:
    database = WatchDatabase(None)
    for second in range(7_200):
        database.add(METRIC, Point(BEGIN_S + second, one(second % 7), "None"), 1)
    every = together(one(second % 7) for second in range(7_200))
    for age_s, grain_s in ((0, 1), (4 * 3_600, 60), (16 * DAY_S, 300), (64 * DAY_S, 3_600)):
        for late_s in (7_200, 7_260, 7_320):
            database.grow_coarse(BEGIN_S + late_s + age_s)
        found = points(database, 1)
        assert [point.start_s - BEGIN_S for point in found] == [*range(0, 7_200, grain_s)]
        assert together(point.samples for point in found) == every
    database.grow_coarse(BEGIN_S + 7_200 + KEPT_S)
    assert points(database, 60) == []


def test_metrics_without_points_are_forgotten() -> None:
    database = WatchDatabase(None)
    wanted = MetricsListed(
        account=METRIC.account,
        region=METRIC.region,
        namespace=None,
        name=None,
        dimensions=[],
        since_s=0,
        first=0,
        most=10,
    )
    database.add(METRIC, Point(BEGIN_S, one(1.0), "None"), 60)
    database.grow_coarse(BEGIN_S + KEPT_S - DAY_S)
    assert database.metrics(wanted) == [METRIC]
    database.grow_coarse(BEGIN_S + KEPT_S + DAY_S)
    assert database.metrics(wanted) == []
    database.add(METRIC, Point(BEGIN_S, one(1.0), "None"), 60)
    assert database.metrics(wanted) == [METRIC]
