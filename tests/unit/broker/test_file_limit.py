"""Connections that fit into the open files that a process may have."""

import resource

import pytest

from crossdock.broker.file_limit import RESERVED, connections_within, raise_file_limit


@pytest.mark.parametrize(
    ("files_max", "wanted", "connections"),
    [(1_000_000, 10_000, 10_000), (1_024, 10_000, 1_024 - RESERVED), (1_024, 100, 100), (RESERVED, 10_000, 1)],
)
def test_connections_leave_room_for_the_rest(files_max: int, wanted: int, connections: int) -> None:
    """As many as are wanted, as long as the data folder never lacks a file."""
    assert connections_within(files_max, wanted) == connections


def test_the_soft_limit_becomes_the_hard_one() -> None:
    """It is returned, and in force."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert raise_file_limit() in (before[1], 2**31)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
