"""The garbage collector as the broker sets it, in a process of its own."""

import subprocess
import sys

PROGRAM = """
import gc, weakref
from crossdock.broker import process_memory

class Cycle:
    pass

process_memory.settle()
assert gc.get_freeze_count() > 1_000
assert gc.isenabled()
assert gc.get_threshold()[2] == process_memory.OLDEST_EVERY
thing = Cycle()
thing.itself = thing
gone = weakref.ref(thing)
del thing
gc.disable()
assert gone() is not None
process_memory.give_back()
assert gone() is None
"""


def test_the_collector_is_set_and_used_in_idle_moments() -> None:
    """What is there after start-up is frozen; the oldest generation is rarely looked at, but cycles go when the broker rests."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
