"""What `crossdock up` runs: distinct ports below named flags, sound needs, and an environment that leads to the local broker only."""

from pathlib import Path

from crossdock.ops.pipeline import PipelineSettings, process_environment, programs
from crossdock.ops.program import stop_order

SETTINGS = PipelineSettings(Path("data"), port_base=8100, broker_port=9400)


def test_every_port_is_used_once_and_has_a_flag() -> None:
    """The broker's port is its own, the services take the six after the base."""
    uses = [use for program in programs(SETTINGS) for use in program.ports]
    assert sorted(use.port for use in uses) == [8101, 8102, 8103, 8104, 8105, 8106, 9400]
    assert {use.flag for use in uses if use.port < 9000} == {"--port-base"}
    assert {use.flag for use in uses if use.port > 9000} == {"--broker-port"}


def test_services_stop_before_what_they_need() -> None:
    """The broker, the provider and the inbox serve until the services have drained."""
    first, second = stop_order(programs(SETTINGS))
    assert set(first) == {"topology", "orders", "payments", "payments-worker", "notifications"}
    assert set(second) == {"broker", "provider", "inbox"}


def test_nothing_waits_for_anything_at_the_start() -> None:
    """Whoever needs something is eager: a cold start is as fast as the machine."""
    assert all(program.eager for program in programs(SETTINGS) if program.needs)


def test_the_environment_leads_to_the_local_broker_and_nowhere_else() -> None:
    """The AWS settings of whoever types the command stay outside; ours and the system's go in."""
    outside = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "t",
        "PATH": "/bin",
        "CROSSDOCK_SENDER": "me",
        "SECRET": "s",
    }
    inside = process_environment(SETTINGS, outside)
    assert inside["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9400"
    assert inside["PATH"] == "/bin"
    assert inside["CROSSDOCK_SENDER"] == "me"
    assert inside.keys().isdisjoint({"AWS_PROFILE", "AWS_SESSION_TOKEN", "SECRET"})
