"""The autoscaler against a real broker and real small processes."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.unit.ops.conftest import IDLE, Launch, python

from crossdock.aws.api.autoscaling import CreateAutoScalingGroup, SetDesiredCapacity
from crossdock.aws.errors import ApiError
from crossdock.clock import SystemClock
from crossdock.ops.autoscale import Autoscaler, AutoScalingApi
from crossdock.ops.http import Unreachable
from crossdock.ops.program import Program
from crossdock.testing import LocalBroker

WORKERS = CreateAutoScalingGroup("workers", min_size=0, max_size=5, launch_configuration_name="worker")


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with LocalBroker() as broker:
        yield broker


@pytest.fixture
async def api(broker: LocalBroker) -> AsyncIterator[AutoScalingApi]:
    api = AutoScalingApi(broker.environment(), SystemClock())
    yield api
    api.close()


async def test_processes_follow_the_group(launch: Launch, api: AutoScalingApi) -> None:
    supervisor = await launch(Program("worker", python(IDLE), count=0))
    autoscaler = Autoscaler(api, supervisor, [WORKERS])
    for wanted in (0, 3, 1, 0):
        await autoscaler.follow()
        await api.call("SetDesiredCapacity", SetDesiredCapacity("workers", wanted))
        await autoscaler.follow()
        assert len(supervisor.keepers) == wanted


async def test_a_group_that_is_there_keeps_its_capacity(launch: Launch, api: AutoScalingApi) -> None:
    supervisor = await launch(Program("worker", python(IDLE), count=0))
    await Autoscaler(api, supervisor, [WORKERS]).follow()
    await api.call("SetDesiredCapacity", SetDesiredCapacity("workers", 2))
    await Autoscaler(api, supervisor, [WORKERS]).follow()
    assert len(supervisor.keepers) == 2


async def test_groups_of_one_program_add_up_over_all_pages(api: AutoScalingApi) -> None:
    for number in range(120):
        group = CreateAutoScalingGroup(f"group-{number}", 1, 5, launch_configuration_name=f"program-{number % 2}")
        await api.ensure(group)
        await api.ensure(group)
    assert await api.capacities() == {"program-0": 60, "program-1": 60}


async def test_without_a_broker_everything_stays(launch: Launch, broker: LocalBroker, api: AutoScalingApi) -> None:
    supervisor = await launch(Program("worker", python(IDLE), count=2))
    nobody = AutoScalingApi({**broker.environment(), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, SystemClock())
    with pytest.raises(Unreachable):
        await Autoscaler(nobody, supervisor, [WORKERS]).follow()
    assert len(supervisor.keepers) == 2


async def test_there_are_no_more_processes_than_a_machine_bears(launch: Launch, api: AutoScalingApi) -> None:
    supervisor = await launch(Program("worker", python(IDLE), count=0))
    autoscaler = Autoscaler(api, supervisor, [WORKERS], most=2)
    await autoscaler.follow()
    await api.call("SetDesiredCapacity", SetDesiredCapacity("workers", 5))
    await autoscaler.follow()
    assert len(supervisor.keepers) == 2


@pytest.mark.parametrize("body", [b"", b"hello", b"<html>", b'{"a": 1}', b"<a><b/></a>"])
async def test_an_answer_of_somebody_else_changes_nothing(launch: Launch, body: bytes) -> None:
    """Another program may have taken the port while the broker was away."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    supervisor = await launch(Program("worker", python(IDLE), count=2))
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        environment = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }
        somebody = AutoScalingApi(environment, SystemClock())
        with pytest.raises((ApiError, Unreachable)):
            await Autoscaler(somebody, supervisor, [WORKERS]).follow()
    assert len(supervisor.keepers) == 2
