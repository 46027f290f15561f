"""The Prometheus text format, read back by Prometheus's own parser."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crossdock.broker.counts import Histogram
from crossdock.broker.exposition import Page, labels


def read(page: Page) -> dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]]:
    """Family → sample name and labels → value."""
    return {
        family.name: {(s.name, tuple(sorted(s.labels.items()))): s.value for s in family.samples}
        for family in text_string_to_metric_families(page.text().decode())
    }


@pytest.mark.parametrize("value", ["orders", 'say "hi"', "back\\slash", "two\nlines", "", "naïve ✓"])
def test_a_label_may_hold_anything(value: str) -> None:
    """It comes back as it was."""
    page = Page()
    page.gauge("depth", "How deep.", [3], [labels(queue=value, region="r")])
    assert read(page) == {"depth": {("depth", (("queue", value), ("region", "r"))): 3}}


def test_a_histogram_counts_up() -> None:
    """A value on a bound belongs to the bucket that it ends; the last bucket has all; bounds and sum are in the unit of the name."""
    histogram = Histogram((1_000_000, 5_000_000))
    for value in (1, 1_000_000, 1_000_001, 9_000_000):
        histogram.observe(value)
    page = Page()
    page.histogram("took_seconds", "How long.", histogram, 1e-9)
    samples = read(page)["took_seconds"]
    buckets = {dict(of)["le"]: value for (name, of), value in samples.items() if name.endswith("_bucket")}
    assert buckets == {"0.001": 2, "0.005": 3, "+Inf": 4}
    assert samples["took_seconds_count", ()] == 4
    assert samples["took_seconds_sum", ()] == pytest.approx(0.011000002)


def test_counters_are_named_as_counters() -> None:
    """A counter ends in `_total`; an integer of any size is written out."""
    page = Page()
    page.counter("seen_total", "How many.", 12_345_678_901_234)
    assert page.text().decode().splitlines() == [
        "# HELP seen_total How many.",
        "# TYPE seen_total counter",
        "seen_total 12345678901234",
    ]
    with pytest.raises(AssertionError):
        page.counter("seen", "How many.", 1)
