"""Has as many processes of a program as its Auto Scaling group has instances.

    queue ──► metric ──► alarm ──► policy ──► group (all in the broker) ──► here ──► processes of the supervisor

A group names the program in its LaunchConfigurationName. The broker is asked by its public API, as any client would; a process that is one
too many is drained, not killed. On AWS the same groups start machines, and nothing of this runs.
"""

import asyncio
from collections.abc import Mapping
from typing import cast

import structlog

from crossdock.aws.api import autoscaling
from crossdock.aws.api.autoscaling import (
    CreateAutoScalingGroup,
    DescribeAutoScalingGroups,
    DescribeAutoScalingGroupsResult,
)
from crossdock.aws.errors import AlreadyExists, ApiError
from crossdock.aws.shapes import Shape
from crossdock.aws.sigv4 import Signer
from crossdock.aws.wire.aws_query import QueryCodec
from crossdock.aws.wire.http import HttpResponse
from crossdock.aws.wire.query_xml import XmlAnswers
from crossdock.clock import Clock
from crossdock.ops.http import Api, Unreachable
from crossdock.ops.supervisor import Supervisor

POLL_S = 1.0

PROCESSES_MAX = 32
"""Of one program, whatever its groups say: a slip of the pen shall not bring down the machine."""

log = structlog.get_logger(__name__)

_codec = QueryCodec(autoscaling.SERVICE, XmlAnswers(autoscaling.SERVICE))


class AutoScalingApi:
    """The Auto Scaling API of a broker, as far as it is needed here."""

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        """`environment`: the standard AWS variables."""
        self._api = Api(environment["AWS_ENDPOINT_URL"])
        self._clock = clock
        self._signer = Signer(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment["AWS_REGION"],
            autoscaling.SERVICE.name,
        )

    async def call(self, operation: str, command: Shape) -> Shape | None:
        """The result of an operation. ApiError as the broker refuses it, Unreachable without an answer."""
        described = autoscaling.OPERATIONS[operation]
        request = _codec.encode_request(described, command)
        request.headers["host"] = self._api.host
        signed = self._signer.sign(request, self._clock.now_ms())
        answer = await self._api.call("POST", "/", signed.body, signed.headers)
        return _codec.decode_response(described, HttpResponse(answer.status, str(answer.body).encode()))

    async def ensure(self, group: CreateAutoScalingGroup) -> None:
        """Make a group unless it is there."""
        try:
            await self.call("CreateAutoScalingGroup", group)
        except AlreadyExists:
            return

    async def capacities(self) -> dict[str, int]:
        """By program: how many processes the groups want together."""
        wanted: dict[str, int] = {}
        token = None
        while True:
            found = await self.call("DescribeAutoScalingGroups", DescribeAutoScalingGroups(next_token=token))
            page = cast(DescribeAutoScalingGroupsResult, found)
            for group in page.auto_scaling_groups:
                program = group.launch_configuration_name or ""
                wanted[program] = wanted.get(program, 0) + group.desired_capacity
            token = page.next_token
            if token is None:
                return wanted

    def close(self) -> None:
        self._api.close()


class Autoscaler:
    """Follows the groups of a broker."""

    def __init__(
        self,
        api: AutoScalingApi,
        supervisor: Supervisor,
        groups: list[CreateAutoScalingGroup],
        most: int = PROCESSES_MAX,
    ) -> None:
        """`groups`: are made when they are not there, and their programs are resized, up to `most` processes each."""
        self._api = api
        self._supervisor = supervisor
        self._groups = groups
        self._most = most
        self._refused: dict[str, int] = {}
        """What was asked for in excess, by program: it is said once."""
        self._made = False

    async def run(self) -> None:
        """Follow until cancelled. A broker that does not answer leaves everything as it is."""
        while True:
            try:
                await self.follow()
            except (ApiError, Unreachable) as error:
                log.warning("the scaling groups cannot be read", error=str(error))
            await asyncio.sleep(POLL_S)

    async def follow(self) -> None:
        """Look once, and have as many processes as is said."""
        if not self._made:
            for group in self._groups:
                await self._api.ensure(group)
            self._made = True
        wanted = await self._api.capacities()
        for group in self._groups:
            program = group.launch_configuration_name or ""
            await self._supervisor.resize(program, self._bounded(program, wanted.get(program, 0)))

    def _bounded(self, program: str, wanted: int) -> int:
        if wanted > self._most and self._refused.get(program) != wanted:
            log.warning("the scaling groups want too many processes", program=program, wanted=wanted, most=self._most)
        self._refused[program] = wanted
        return min(wanted, self._most)
