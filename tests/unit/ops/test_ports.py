"""Ports are looked at before anything starts."""

import socket

import pytest

from crossdock.ops.ports import PortUse, require_free
from crossdock.ops.refusal import Refusal


def test_a_taken_port_is_named_with_its_user_and_flag() -> None:
    """The sentence says which port, who needs it, and which flag moves it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refusal, match=f"port {port} .* the broker .* is taken") as refused:
            require_free([PortUse(port, "the broker", "--broker-port")])
    assert "--broker-port" in refused.value.remedy


def test_a_free_port_passes_and_stays_free() -> None:
    """Looking does not take the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    require_free([PortUse(port, "the broker", "--broker-port")])
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("port", [0, -1, 65_536, 70_000])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    """Out of range is a mistake of the command: exit code 2."""
    with pytest.raises(Refusal, match="there is no port") as refused:
        require_free([PortUse(port, "orders", "--port-base")])
    assert refused.value.exit_code == 2
