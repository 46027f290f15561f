"""Points in time as the guide writes them in message bodies: `2024-01-02T10:30:00Z`."""

from datetime import UTC, datetime


def iso(now_ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
