"""The Prometheus text format: families of samples with their labels. Which there are is left to `metrics`.

Source: Prometheus, "Exposition formats", text format 0.0.4. Written here rather than by prometheus_client, which takes 100 ms for a
thousand queues.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from crossdock.broker.counts import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Values = float | Iterable[float]
"""The value of a family, or one for each of its labels."""

NO_LABELS = ("",)


def labels(**values: str) -> str:
    """Labels as they stand behind a name, `{queue="orders",region="us-east-1"}`; empty where there are none."""
    inside = ",".join([f'{name}="{value.translate(_ESCAPES)}"' for name, value in values.items()])
    return f"{{{inside}}}" if inside else ""


class Page:
    """Gathers families; `text` is the page. `of` are the labels of the values, each as `labels` writes them."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def gauge(self, name: str, help_text: str, values: Values, of: Sequence[str] = NO_LABELS) -> None:
        """What may rise and fall."""
        self._head(name, help_text, "gauge")
        self._samples(name, values, of)

    def counter(self, name: str, help_text: str, values: Values, of: Sequence[str] = NO_LABELS) -> None:
        """What only rises while the process lives; its name ends in `_total`."""
        assert name.endswith("_total")
        self._head(name, help_text, "counter")
        self._samples(name, values, of)

    def histogram(self, name: str, help_text: str, histogram: Histogram, unit: float = 1) -> None:
        """Values in buckets; those of the histogram are multiplied by `unit`."""
        self._head(name, help_text, "histogram")
        counts = list(accumulate(histogram.counts))
        bounds = [f"{bound * unit:.12g}" for bound in histogram.bounds]
        self._lines += [
            f'{name}_bucket{{le="{bound}"}} {count}\n' for bound, count in zip([*bounds, "+Inf"], counts, strict=True)
        ]
        self._lines.append(f"{name}_sum {histogram.total * unit:.12g}\n{name}_count {counts[-1]}\n")

    def text(self) -> bytes:
        """The page."""
        return "".join(self._lines).encode()

    def _samples(self, name: str, values: Values, of: Sequence[str]) -> None:
        if isinstance(values, int | float):
            values = (values,)
        self._lines += [f"{name}{its_labels} {value}\n" for its_labels, value in zip(of, values, strict=True)]

    def _head(self, name: str, help_text: str, kind: str) -> None:
        self._lines.append(f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n")
