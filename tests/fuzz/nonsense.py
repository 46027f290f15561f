"""Requests that look like SQS requests and are full of nonsense: every action, every parameter, both protocols, from dice."""

import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import msgspec

from crossdock.aws.api import sqs
from crossdock.aws.shapes import Kind, ListOf, MapOf, Member, Operation, Scalar, Structure, members
from crossdock.aws.wire.http import HttpRequest

SCOPE = "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"

TEXTS = [
    "",
    " ",
    "a",
    "A" * 80,
    "A" * 81,
    "x" * 5_000,
    "q.fifo",
    ".fifo",
    "../../etc/passwd",
    "null",
    "true",
    "-1",
    "1e308",
    "9" * 400,
    "\0",
    "\r\n",
    "\ud7ff\ue000",
    "\ufffe",
    "\U0010ffff" * 30,
    "<a>&amp;]]>",
    '"\\',
    "{",
    "[]",
    "[" * 3_000,
    '{"a":' * 1_000,
    "{{}}%s%n{0}",
    "All",
    ".*",
    "AWS.x",
    "a..b",
    "String",
    "Number.int",
    "Binary",
    "AWSTraceHeader",
]
NUMBERS = [-(2**63), -1, 0, 1, 2, 10, 11, 30, 43_200, 43_201, 1_209_601, 2**31, 2**63 - 1, 2**64, 10**30]
ODD = [None, True, 0.5, 1e300, [], {}, [[]], [None], {"": None}, {"a": {"b": []}}]
ATTRIBUTES = [
    "All",
    "VisibilityTimeout",
    "DelaySeconds",
    "MessageRetentionPeriod",
    "MaximumMessageSize",
    "ReceiveMessageWaitTimeSeconds",
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "QueueArn",
    "ApproximateReceiveCount",
]
VALUES = [
    "0",
    "60",
    "1024",
    "00000000000000000000000000000030",
    "+5",
    " 5",
    "١٢",
    '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":2}',
    '{"deadLetterTargetArn":5,"maxReceiveCount":[]}',
    '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"9999999999999999999999"}',
    '{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:q"]}',
    '{"redrivePermission":"byQueue","sourceQueueArns":{}}',
    '{"redrivePermission":7}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}',
    '{"Statement":{"Effect":[],"Principal":{"AWS":5}}}',
    '{"Statement":[[[]]]}',
    "perQueue",
    "perMessageGroupId",
    "messageGroup",
]
SETTINGS = [
    ("VisibilityTimeout", "5"),
    ("DelaySeconds", "2"),
    ("MessageRetentionPeriod", "60"),
    ("ReceiveMessageWaitTimeSeconds", "1"),
    ("RedrivePolicy", VALUES[7]),
    ("RedrivePolicy", ""),
    ("RedriveAllowPolicy", VALUES[10]),
    ("Policy", VALUES[13]),
    ("ContentBasedDeduplication", "true"),
    ("DeduplicationScope", "messageGroup"),
]
"""What attributes may be, each on some queues."""

GOOD: dict[str, list[Any]] = {
    "MaxNumberOfMessages": [1, 10],
    "VisibilityTimeout": [0, 1, 30],
    "WaitTimeSeconds": [0, 1, 20],
    "DelaySeconds": [0, 1, 900],
    "MaxResults": [1, 2, 1_000],
    "MaxNumberOfMessagesPerSecond": [1, 500],
    "MessageBody": ["hello", "x" * 1_000, "\u00fc\u4e2d\U0001f600"],
    "MessageGroupId": ["a", "b"],
    "MessageDeduplicationId": ["1", "2", "3"],
    "ReceiveRequestAttemptId": ["r1", "r2"],
    "Id": [str(number) for number in range(40)],
    "DataType": ["String", "Number", "Binary", "String.label"],
    "StringValue": ["1", "3.5", "text"],
    "BinaryValue": ["AAAA"],
    "QueueName": ["q", "q.fifo", "dead", "dead.fifo"],
    "QueueNamePrefix": ["q", "d"],
    "Label": ["l1", "l2"],
    "AWSAccountIds": ["000000000000", "111111111111"],
    "Actions": ["SendMessage", "*"],
    "MessageAttributeNames": ["All", "a"],
}
"""By parameter, what it may be."""

PATHS = ["/000000000000/q", "/000000000000/q.fifo", "/x", "//", "/%2f/%00/%ff", "/?", "/eu-west-1/000000000000/q"]
ARNS = [
    "arn:aws:sqs:us-east-1:000000000000:dead",
    "arn:aws:sqs:us-east-1:000000000000:dead.fifo",
    "arn:aws:sqs:us-east-1:000000000000:nowhere",
    "arn:aws:sqs:::",
    "arn:aws:s3:us-east-1:000000000000:dead",
]


OFTEN = ["SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"]
SELDOM = ["DeleteQueue", "PurgeQueue"]
OPERATIONS = [
    operation
    for name, operation in sqs.OPERATIONS.items()
    for _ in range(30 if name in OFTEN else 1 if name in SELDOM else 10)
]


class Nonsense:
    """A source of requests. What the broker gave out (handles, tokens) is put to use by `remember`."""

    def __init__(self, seed: int, queue_urls: list[str]) -> None:
        self.dice = random.Random(seed)
        self._queue_urls = queue_urls
        self._given: dict[str, list[str]] = {}

    def remember(self, name: str, text: str) -> None:
        """A ReceiptHandle, a NextToken or a TaskHandle that the broker gave out."""
        self._given[name] = [*self._given.get(name, [])[-5:], text]

    def request(self) -> HttpRequest:
        """The next request."""
        dice = self.dice
        operation = dice.choice(OPERATIONS)
        if dice.random() < 0.5:
            body = msgspec.json.encode(dict(self._json(operation)))
            target = f"AmazonSQS.{operation.name}" if dice.random() < 0.98 else dice.choice(TEXTS)
            headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
            return self._finish("POST", "/", headers, body)
        form = urlencode([("Action", operation.name), *self._query(operation)], errors="replace").encode()
        headers = {"accept": "application/json"} if dice.random() < 0.2 else {}
        path = "/" if dice.random() < 0.8 else dice.choice(PATHS)
        if dice.random() < 0.2:
            return self._finish("GET", f"{path}?{form.decode()[:60_000]}", headers, b"")
        return self._finish("POST", path, headers | {"content-type": "application/x-www-form-urlencoded"}, form)

    def _finish(self, method: str, target: str, headers: dict[str, str], body: bytes) -> HttpRequest:
        dice = self.dice
        headers["host"] = dice.choice(["localhost:9324", "localhost:9324", "", "[::1]", "a b", "<x>", "\xff"])
        if dice.random() < 0.9:
            headers["authorization"] = SCOPE
        elif dice.random() < 0.5:
            headers["authorization"] = dice.choice(["Credential=", "Credential=a/b/c/d/aws4_request", *TEXTS[:20]])
        if dice.random() < 0.05:
            headers["x-amzn-trace-id"] = dice.choice(TEXTS).encode("latin-1", "replace").decode("latin-1")
        if body and dice.random() < 0.1:
            body = self._damaged(body)
        return HttpRequest(method, target, headers, body)

    def _damaged(self, body: bytes) -> bytes:
        at = self.dice.randrange(len(body))
        junk = self.dice.choice(
            [b"", b"\0", b"\xff", b"\xc3", b"%", b"&", b"=", b'"', b"{", b"]", b"\\ud800", b"1e999"]
        )
        return body[:at] + junk + body[at + self.dice.choice([0, 1, 1, len(body)]) :]

    # Parameters

    def _json(self, operation: Operation) -> Iterator[tuple[str, Any]]:
        for member in members(operation.input):
            if self._is_given(member):
                yield member.name, self._value(member.kind, member.name)

    def _query(self, operation: Operation) -> Iterator[tuple[str, str]]:
        for member in members(operation.input):
            if self._is_given(member):
                yield from self._flat(member.query_name, self._value(member.kind, member.name), member.kind)

    def _is_given(self, member: Member) -> bool:
        return self.dice.random() < (0.995 if member.required else 0.3)

    def _value(self, kind: Kind, name: str) -> Any:
        dice = self.dice
        if dice.random() < 0.01:
            return dice.choice(ODD)
        match kind:
            case Scalar(scalar_type):
                return self._scalar(scalar_type, name)
            case Structure(shape):
                return {m.name: self._value(m.kind, m.name) for m in members(shape) if self._is_given(m)}
            case ListOf(item, _):
                return [self._value(item, name) for _ in range(dice.choice([0, 1, 1, 1, 2, 10, 11]))]
            case MapOf(item, _):
                names = {"Attributes": ATTRIBUTES, "MessageSystemAttributes": ["AWSTraceHeader"]}.get(
                    name, [*"abc", *TEXTS]
                )
                return {dice.choice(names): self._value(item, name) for _ in range(dice.choice([0, 1, 1, 1, 2, 11]))}

    def _scalar(self, scalar_type: type, name: str) -> Any:
        dice = self.dice
        if name in GOOD and dice.random() < 0.9:
            return dice.choice(GOOD[name])
        if scalar_type is int:
            return dice.choice(NUMBERS)
        if scalar_type is bool:
            return dice.choice([True, False])
        if scalar_type is bytes:
            return dice.choice(["", "AAAA", "not base64", "=", "AA=="])
        if name == "QueueUrl" and dice.random() < 0.97:
            return dice.choice(self._queue_urls)
        if name.endswith("Arn"):
            return dice.choice(ARNS[:2] * 5 + ARNS + TEXTS[:3])
        if name in self._given and dice.random() < 0.95:
            return dice.choice(self._given[name])
        if name == "Attributes":
            return dice.choice(VALUES)
        if name in ("AttributeNames", "MessageSystemAttributeNames"):
            return dice.choice(ATTRIBUTES)
        return dice.choice(TEXTS)

    def _flat(self, name: str, value: Any, kind: Kind) -> Iterator[tuple[str, str]]:
        """A value as form parameters, now and then with numbers that nobody should use."""
        match value, kind:
            case dict(), MapOf(item, query):
                for number, (key, one) in enumerate(value.items(), self.dice.choice([1, 1, 1, 0, 10**12])):
                    yield f"{name}.{number}.{query.key}", str(key)
                    yield from self._flat(f"{name}.{number}.{query.value}", one, item)
            case dict(), _:
                for key, one in value.items():
                    yield from self._flat(f"{name}.{key}", one, Scalar(str))
            case list(), _:
                item = kind.item if isinstance(kind, ListOf) else Scalar(str)
                for number, one in enumerate(value, self.dice.choice([1, 1, 1, 0, -1, 10**12])):
                    yield from self._flat(f"{name}.{number}", one, item)
            case _:
                yield name, quote_from_bytes(value) if isinstance(value, bytes) else str(value)
