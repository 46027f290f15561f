"""The programs that `crossdock up` runs, their ports and their environment. How they are run is the supervisor's affair.

base+1 orders   base+2 payments   base+3 notifications   base+4 provider   base+5 inbox (HTTP)   base+6 inbox (SMTP)
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crossdock.aws.api.autoscaling import CreateAutoScalingGroup
from crossdock.ops.ports import PortUse
from crossdock.ops.program import HttpProbe, Program

REGION = "ap-southeast-1"
"""The region of the guide."""

LOCAL_KEY = "crossdock"
"""Access key and secret for the local broker, which knows nobody's."""

_CROSSDOCK = (sys.executable, "-m", "crossdock.cli.main")
_INHERITED = (
    "PATH",
    "PYTHONPATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "LD_LIBRARY_PATH",
)
"""What a process gets from the environment of `up`; the rest, such as the AWS profile of whoever typed it, stays outside."""


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Where a pipeline keeps its data and where it listens."""

    data: Path
    port_base: int = 8000
    broker_port: int = 9324
    durability: str = "durable"
    host: str = "127.0.0.1"

    @property
    def broker_url(self) -> str:
        return f"http://{self.host}:{self.broker_port}"


def queue_environment(broker_url: str) -> dict[str, str]:
    """What any SDK needs in its environment to use the local broker."""
    return {
        "AWS_ENDPOINT_URL": broker_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": LOCAL_KEY,
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def process_environment(settings: PipelineSettings, outside: Mapping[str, str]) -> dict[str, str]:
    """The environment of the processes: the local broker, and what is worth inheriting from `outside`."""
    inherited = {name: outside[name] for name in _INHERITED if name in outside}
    ours = {name: value for name, value in outside.items() if name.startswith("CROSSDOCK_")}
    return {**inherited, **ours, **queue_environment(settings.broker_url)}


def programs(settings: PipelineSettings) -> list[Program]:
    """Broker and topology, provider, inbox, and the three services. Services start at once and wait for the rest themselves."""
    provider = settings.port_base + 4
    webhooks = f"http://{settings.host}:{settings.port_base + 2}/webhooks/provider"
    smtp = settings.port_base + 6
    return [
        _broker(settings),
        Program("topology", (*_CROSSDOCK, "queues", "apply", "--patient"), needs=("broker",), eager=True, once=True),
        _server(settings, "provider", 4, "--webhook-url", webhooks),
        _inbox(settings, smtp),
        _service(settings, "orders", 1),
        _service(settings, "payments", 2, "--provider-url", f"http://{settings.host}:{provider}", also=("provider",)),
        _service(settings, "notifications", 3, "--smtp-port", str(smtp), also=("inbox",)),
        _worker(settings, "payments", "--provider-url", f"http://{settings.host}:{provider}", also=("provider",)),
    ]


def groups() -> list[CreateAutoScalingGroup]:
    """Workers whose number follows an Auto Scaling group, beside the one in the service itself. The name is the guide's."""
    return [
        CreateAutoScalingGroup(
            "payment-service-asg", min_size=0, max_size=4, launch_configuration_name="payments-worker"
        )
    ]


def _broker(settings: PipelineSettings) -> Program:
    port = str(settings.broker_port)
    where = ("--host", settings.host, "--port", port, "--data", str(settings.data / "broker"))
    return Program(
        "broker",
        (*_CROSSDOCK, "broker", *where, "--region", REGION, "--durability", settings.durability),
        probe=HttpProbe(settings.broker_url),
        ports=(PortUse(settings.broker_port, "the broker", "--broker-port"),),
    )


def _inbox(settings: PipelineSettings, smtp: int) -> Program:
    inbox = _server(settings, "inbox", 5, "--smtp-port", str(smtp))
    return Program(
        inbox.name, inbox.command, probe=inbox.probe, ports=(*inbox.ports, PortUse(smtp, "inbox (SMTP)", "--port-base"))
    )


def _service(settings: PipelineSettings, name: str, offset: int, *options: str, also: tuple[str, ...] = ()) -> Program:
    server = _server(settings, name, offset, *options)
    return Program(name, server.command, needs=("broker", *also), eager=True, probe=server.probe, ports=server.ports)


def _worker(settings: PipelineSettings, name: str, *options: str, also: tuple[str, ...]) -> Program:
    """More consumers of a service's queue, on the service's database; none until they are asked for."""
    where = ("--host", settings.host, "--port", "0", "--data", str(settings.data / name), "--role", "worker")
    return Program(
        f"{name}-worker", (*_CROSSDOCK, "serve", name, *where, *options), needs=("broker", *also), eager=True, count=0
    )


def _server(settings: PipelineSettings, name: str, offset: int, *options: str) -> Program:
    port = settings.port_base + offset
    where = ("--host", settings.host, "--port", str(port), "--data", str(settings.data / name))
    return Program(
        name,
        (*_CROSSDOCK, "serve", name, *where, *options),
        probe=HttpProbe(f"http://{settings.host}:{port}"),
        ports=(PortUse(port, name, "--port-base"),),
    )
