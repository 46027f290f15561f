"""Are the ports that we are about to use free? Found out before anything starts, so that the answer is one sentence."""

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from crossdock.ops.refusal import Refusal


@dataclass(frozen=True, slots=True)
class PortUse:
    """A port, what will listen there, and the flag that moves it."""

    port: int
    user: str
    flag: str


def require_free(uses: Iterable[PortUse], host: str = "127.0.0.1") -> None:
    """Refuse when one of the ports is out of range, forbidden to us, or taken by another program."""
    for use in uses:
        if not 0 < use.port < 65536:
            raise Refusal(
                f"there is no port {use.port} (for {use.user})", f"choose another with {use.flag}", exit_code=2
            )
        if (reason := _why_not(host, use.port)) is not None:
            raise Refusal(
                f"port {use.port} on {host}, which {use.user} needs, {reason}",
                f"stop that program, or choose another port with {use.flag}",
            )


def _why_not(host: str, port: int) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return (
                "is taken by another program"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used: {error.strerror}"
            )
    return None
