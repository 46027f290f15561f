"""A supervised process does not outlive its supervisor, not even when that one is killed with -9.

The supervisor holds the writing end of the child's standard input and never writes. When the supervisor is gone, however it went, the
kernel closes that end, and the child kills itself at once: everything here survives kill -9, and the next `up` finds the ports free.
A thread does the waiting, so that a busy event loop cannot stop it. Works wherever there are pipes (no prctl).
"""

import os
import signal
import threading
from contextlib import suppress

SUPERVISED = "CROSSDOCK_SUPERVISED"
"""The environment variable by which a supervisor tells its child that standard input is the lifeline."""


def hold() -> bool:
    """Die with the supervisor; False when there is none. To be called first thing in a program."""
    if not os.environ.pop(SUPERVISED, None):
        return False
    threading.Thread(target=_die_at_its_end, name="lifeline", daemon=True).start()
    return True


def _die_at_its_end() -> None:
    with suppress(OSError):
        while os.read(0, 1):
            pass
    os.kill(os.getpid(), signal.SIGKILL)
