"""The permissions in howto/run-on-aws.md: which actions the code calls, and which service reads and sends where."""

import ast
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from docs.generators.markdown import code, table

from crossdock import services
from crossdock.aws.api import sqs as api
from crossdock.messaging import acknowledgements, consumer, lease, relay, topology
from crossdock.messaging.contract import Event, contract_of
from crossdock.messaging.sqs import Sqs
from crossdock.ops import depths
from crossdock.services.topology import TOPOLOGY

SERVICES = ("orders", "payments", "notifications")

REGION, ACCOUNT = "ap-southeast-1", "123456789012"


def blocks() -> dict[str, str]:
    """The blocks of the page by name."""
    rows = [(code(service), _names(_received(service)), _names(_sent(service))) for service in SERVICES]
    return {
        "services": table(("service", "receives from", "sends to"), rows),
        "policy": f"```json\n{json.dumps(policy('payments'), indent=2)}\n```\n",
        "tools": table(
            ("command", "actions"), [(code(name), _names(sorted(found))) for name, found in _tools().items()]
        ),
    }


def policy(service: str) -> dict[str, object]:
    """What a service must be allowed, as an IAM policy."""
    sending = actions_in(relay)
    receiving = actions_in(consumer, acknowledgements, lease) - sending | {"sqs:GetQueueUrl"}
    return {
        "Version": "2012-10-17",
        "Statement": [_statement(receiving, _received(service)), _statement(sending, _sent(service))],
    }


def _statement(actions: set[str], queues: list[str]) -> dict[str, object]:
    arns = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in queues]
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": arns}


def _tools() -> dict[str, set[str]]:
    return {"crossdock queues apply": actions_in(topology), "crossdock queues list": actions_in(depths)}


def _names(names: list[str]) -> str:
    return ", ".join(map(code, names))


def _received(service: str) -> list[str]:
    return [queue.name for queue in TOPOLOGY.consumed_by(service)]


def _sent(service: str) -> list[str]:
    """The queues of the events that a service makes, and the dead-letter queues of those that it consumes."""
    queues = [queue.name for event in _made(service) for queue in TOPOLOGY.subscribers(event)]
    letters = [queue.dead_letter for queue in TOPOLOGY.consumed_by(service)]
    return list(dict.fromkeys((*queues, *letters)))


def _made(service: str) -> list[str]:
    """The types of the events that the modules of a service make."""
    package = importlib.import_module(f"{services.__name__}.{service}")
    modules = [
        importlib.import_module(one.name) for one in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]
    return [contract_of(made).event_type for module in modules for made in _events_in(module)]


def _events_in(module: ModuleType) -> Iterator[type[Event]]:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = vars(module).get(node.func.id)
            if isinstance(called, type) and issubclass(called, Event):
                yield called


def actions_in(*modules: ModuleType) -> set[str]:
    """The IAM actions behind the methods of `Sqs` that modules call; a batch needs the permission of the single action."""
    used = {
        node.attr
        for module in modules
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("sqs", "self._sqs")
    }
    return {action for method in used & vars(Sqs).keys() for action in _actions_of(method)}


def _actions_of(method: str) -> Iterator[str]:
    """The actions of one method of `Sqs`: the SDK's names stand in its source as texts."""
    known = {"".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_"): name for name in api.OPERATIONS}
    for text in (node.value for node in ast.walk(_source(method)) if isinstance(node, ast.Constant)):
        if text in known:
            yield f"sqs:{known[text].removesuffix('Batch')}"


def _source(method: str) -> ast.AST:
    return ast.parse(inspect.cleandoc("\n" + inspect.getsource(getattr(Sqs, method))))
