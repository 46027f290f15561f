"""How the broker's process treats its memory: when garbage is collected, and when freed memory goes back to the operating system.

Why so, with measurements: docs/decisions/0013-garbage.md.
"""

import ctypes
import gc

OLDEST_EVERY = 1_000
"""The oldest generation is collected once in so many collections of the middle one: it is what pauses for long."""

_libc = ctypes.CDLL(None)


def settle() -> None:
    """Everything is set up: what is there now is never looked at by the collector again."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, OLDEST_EVERY)


def give_back() -> None:
    """Collect everything, and return what is free to the operating system, where the C library can (glibc). Some milliseconds; for idle
    moments."""
    gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
