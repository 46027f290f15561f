"""What systemd and a service agree on: sockets that it handed over, and how the service tells it how it is.

Neither needs a library: inherited sockets are file descriptors from 3 on (sd_listen_fds(3)), a notice is a datagram (sd_notify(3)). The
variables are taken out of the environment, so that no child believes that they are meant for it.
"""

import asyncio
import os
import socket
from collections.abc import MutableMapping

import structlog

log = structlog.get_logger()

FIRST_INHERITED = 3
"""SD_LISTEN_FDS_START."""


def inherited_sockets(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """The listening sockets that systemd handed to this process; empty when it was not started that way.

    ValueError if one of them is not a TCP socket that listens.
    """
    meant_for = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "0")
    environ.pop("LISTEN_FDNAMES", None)
    if meant_for != str(os.getpid()):
        return []
    return [_inherited(FIRST_INHERITED + number) for number in range(_number("LISTEN_FDS", count))]


def _inherited(descriptor: int) -> socket.socket:
    try:
        inherited = socket.socket(fileno=descriptor)
        tcp = inherited.family in (socket.AF_INET, socket.AF_INET6) and inherited.type == socket.SOCK_STREAM
        listens = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ValueError(
            f"LISTEN_FDS names file descriptor {descriptor}, which is no socket: {error.strerror}"
        ) from error
    if not (tcp and listens):
        raise ValueError(
            f"file descriptor {descriptor} is not a TCP socket that listens; "
            "the socket unit needs ListenStream=PORT or ADDRESS:PORT, and Accept=no"
        )
    inherited.set_inheritable(False)
    return inherited


class Notifier:
    """Tells systemd how the service is. Where nobody asked to be told, it says nothing."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. ValueError if they make no sense."""
        self._address = _address(environ.pop("NOTIFY_SOCKET", ""))
        watchdog_us = _number("WATCHDOG_USEC", environ.pop("WATCHDOG_USEC", "0"))
        meant_for_us = environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._beat_s = watchdog_us / 2_000_000 if meant_for_us and self._address else 0.0
        self._timer: asyncio.TimerHandle | None = None

    def ready(self, status: str) -> None:
        """It serves. From now on the event loop must turn, or systemd's watchdog ends the process, if there is one."""
        self._tell("READY=1", f"STATUS={status}")
        if self._beat_s:
            self._beat()

    def status(self, status: str) -> None:
        """What `systemctl status` shows: one line."""
        self._tell(f"STATUS={status}")

    def stopping(self, status: str) -> None:
        """It takes nothing new and ends soon."""
        self._tell("STOPPING=1", f"STATUS={status}")

    def close(self) -> None:
        """The watchdog is not told any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._tell("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(self._beat_s, self._beat)

    def _tell(self, *lines: str) -> None:
        """Send one datagram. A service whose manager does not listen serves nevertheless."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("systemd cannot be told", notice=lines[0], reason=str(error))


def _address(notify_socket: str) -> str:
    """The address of a socket: a path, or a name in the abstract namespace, which is written with an @."""
    if notify_socket and notify_socket[0] not in "/@":
        raise ValueError(
            f"NOTIFY_SOCKET is {notify_socket!r}: only a path and a name that begins with @ are understood"
        )
    return notify_socket.replace("@", "\0", 1) if notify_socket.startswith("@") else notify_socket


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"{name} is {text!r}, not a number") from error
