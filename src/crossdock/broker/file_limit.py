"""How many files this process may have open, and how many connections that leaves room for."""

import resource

RESERVED = 128
"""Descriptors that are not connections: the data folder, which must never lack one, listening sockets, what libraries open; and
connections that are being refused."""


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it; RLIM_INFINITY is a great number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 2**31


def connections_within(files_max: int, wanted: int) -> int:
    """How many of the `wanted` connections fit; at least one."""
    return max(1, min(wanted, files_max - RESERVED))
