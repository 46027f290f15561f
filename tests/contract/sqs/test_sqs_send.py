"""SendMessage and what of a message comes back: bodies, sizes, delays, message attributes, digests."""

from collections.abc import Callable
from hashlib import md5
from typing import Any
from uuid import UUID

import pytest

from crossdock.testing import BrokerClock

Call = Callable[..., Any]

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
TRACED = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
MIB = 1_048_576


def text(value: str) -> dict[str, str]:
    """A message attribute of type String."""
    return {"DataType": "String", "StringValue": value}


# Bodies


def test_what_a_send_answers(sqs: Any, create: Call, receive: Call) -> None:
    """Facts 55 and 84: an id and the MD5 of the body, and nothing about attributes that were not sent."""
    url = create()
    sent = sqs.send_message(QueueUrl=url, MessageBody="message")
    assert sent.keys() == {"MessageId", "MD5OfMessageBody", "ResponseMetadata"}
    assert sent["MD5OfMessageBody"] == "78e731027d8fd50ed642340b7c9a63b3"
    assert str(UUID(sent["MessageId"])) == sent["MessageId"]
    (message,) = receive(url)
    assert message.keys() == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
    assert message["Body"] == "message"
    assert (message["MessageId"], message["MD5OfBody"]) == (sent["MessageId"], sent["MD5OfMessageBody"])


def test_an_empty_body(sqs: Any, create: Call, refusal: Call) -> None:
    """Facts 9 and 50: an empty body is a missing one."""
    refused = ("MissingParameter", "The request must contain the parameter MessageBody.", 400)
    assert refusal(sqs.send_message, QueueUrl=create(), MessageBody="") == refused
    assert refusal(sqs.send_message, QueueUrl=create()) == refused


@pytest.mark.parametrize(
    ("bad", "code"), [("\x00", "0"), ("\x08", "8"), ("\x1f", "1F"), ("\ufffe", "FFFE"), ("\uffff", "FFFF")]
)
def test_characters_that_are_refused(sqs: Any, create: Call, refusal: Call, bad: str, code: str) -> None:
    """Fact 51: control characters and the last two of the basic plane, the first of them named."""
    assert refusal(sqs.send_message, QueueUrl=create(), MessageBody=f"a{bad}b\x01") == (
        "InvalidMessageContents",
        f"Invalid binary character '#x{code}' was found in the message body, the set of allowed characters is "
        "#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF].",
        400,
    )


@pytest.mark.parametrize("body", ["\ud800", "a\udfffb", "\ud83d", "\udc00\ud800"])
def test_half_a_surrogate_pair(json_client: Any, new_name: Call, refusal: Call, body: str) -> None:
    """Fact 51: JSON can write half of a pair, which is a character that SQS refuses; a whole pair is one that it takes."""
    url = json_client.create_queue(QueueName=new_name())["QueueUrl"]
    assert refusal(json_client.send_message, QueueUrl=url, MessageBody=body)[::2] == ("InvalidMessageContents", 400)
    value = {"name": {"DataType": "String", "StringValue": body}}
    code, _, _ = refusal(json_client.send_message, QueueUrl=url, MessageBody="x", MessageAttributes=value)
    assert code == "InvalidParameterValue"
    json_client.send_message(QueueUrl=url, MessageBody="\\ud800 \U0001f600")
    assert json_client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "\\ud800 \U0001f600"


@pytest.mark.parametrize(
    "body",
    [
        '"&quot;&quot;\r',
        '{\r\n"machineID" : "d357006e26ff47439e1ef894225d4307"}',
        "\r\r\n\n\t",
        "<a>&amp;</a>]]>",
        "\ud7ff\ue000\ufffd",
        "😀 grüße ✓ 注文",
        "a=b&c=d+e%20f",
        " ",
    ],
)
def test_bodies_come_back_as_they_were(sqs: Any, create: Call, bodies: Call, body: str) -> None:
    """Facts 51 and 52: line ends, quotes, markup and all of Unicode survive, in and out."""
    url = create()
    sent = sqs.send_message(QueueUrl=url, MessageBody=body)
    assert sent["MD5OfMessageBody"] == md5(body.encode(), usedforsecurity=False).hexdigest()
    assert bodies(url) == [body]


# Sizes


@pytest.mark.parametrize("unit", ["a", '"', "é", "😀"])
def test_the_greatest_message(sqs: Any, create: Call, receive: Call, refusal: Call, unit: str) -> None:
    """Facts 34, 53 and 54: exactly 1 MiB of UTF-8 is accepted, however it is escaped on the way; one byte more is not."""
    url = create()
    body = unit * (MIB // len(unit.encode()))
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert receive(url)[0]["Body"] == body
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody=body + "a") == (
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        400,
    )


def test_attributes_count(sqs: Any, create: Call, refusal: Call) -> None:
    """Facts 53 and 54: name, type and value of an attribute count, system attributes do not; the text names the queue's limit."""
    url = create(MaximumMessageSize="1024")
    size = len("k") + len("String") + len("x")
    fitting = {"MessageBody": "a" * (1_024 - size), "MessageAttributes": {"k": text("x")}}
    sqs.send_message(QueueUrl=url, **fitting, MessageSystemAttributes=TRACED)
    too_long = {**fitting, "MessageBody": "a" * (1_025 - size)}
    assert refusal(sqs.send_message, QueueUrl=url, **too_long) == (
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
        400,
    )


# Delays


def test_delays(sqs: Any, create: Call, bodies: Call, counts: Call, clock: BrokerClock) -> None:
    """Facts 58 and 100: a message's own delay wins over the queue's, 0 included."""
    url = create(DelaySeconds="5")
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    sqs.send_message(QueueUrl=url, MessageBody="short", DelaySeconds=1)
    sqs.send_message(QueueUrl=url, MessageBody="as the queue")
    assert counts(url) == (1, 0, 2)
    assert bodies(url) == ["at once"]
    clock.advance(1)
    assert bodies(url) == ["short"]
    assert counts(url) == (0, 2, 1)
    clock.advance(4)
    assert bodies(url) == ["as the queue"]


@pytest.mark.parametrize("delay", [-1, 901, 1_800])
def test_delays_out_of_range(sqs: Any, create: Call, refusal: Call, delay: int) -> None:
    """Fact 58: 0 to 900 seconds."""
    reason = "Reason: DelaySeconds must be >= 0 and <= 900."
    refused = ("InvalidParameterValue", f"Value {delay} for parameter DelaySeconds is invalid. {reason}", 400)
    assert refusal(sqs.send_message, QueueUrl=create(), MessageBody="x", DelaySeconds=delay) == refused


# Groups and deduplication ids on standard queues


def test_a_group_on_a_standard_queue(sqs: Any, create: Call, receive: Call) -> None:
    """Fact 59: it is kept and shown, neither orders nor locks, and brings no sequence number."""
    url = create()
    for body in "ab":
        sent = sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="test")
        assert "SequenceNumber" not in sent
    (first,) = receive(url, MaxNumberOfMessages=1, AttributeNames=["All"])
    assert first["Attributes"]["MessageGroupId"] == "test"
    assert "SequenceNumber" not in first["Attributes"]
    assert len(receive(url)) == 1


def test_a_deduplication_id_on_a_standard_queue(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 59: a standard queue does not take one."""
    assert refusal(sqs.send_message, QueueUrl=create(), MessageBody="x", MessageDeduplicationId="d") == (
        "InvalidParameterValue",
        "Value d for parameter MessageDeduplicationId is invalid. "
        "Reason: The request include parameter that is not valid for this queue type.",
        400,
    )


@pytest.mark.parametrize("value", ["", "a" * 129, "group 123", "ü"])
@pytest.mark.parametrize("fifo", [True, False])
def test_ids_out_of_shape(sqs: Any, create: Call, create_fifo: Call, refusal: Call, value: str, fifo: bool) -> None:
    """Fact 70: 1 to 128 letters, digits and punctuation, on queues of both kinds."""
    url = create_fifo() if fifo else create()
    parameters = ["MessageGroupId", "MessageDeduplicationId"] if fifo else ["MessageGroupId"]
    for parameter in parameters:
        ids = {"MessageGroupId": "g", parameter: value}
        assert refusal(sqs.send_message, QueueUrl=url, MessageBody="x", **ids) == (
            "InvalidParameterValue",
            f"Value {value} for parameter {parameter} is invalid. Reason: {parameter} can only include alphanumeric "
            "and punctuation characters. 1 to 128 in length.",
            400,
        )


# Message attributes

KINDS = {
    "text": text("grüße"),
    "labelled": {"DataType": "String.json", "StringValue": "{}"},
    "number": {"DataType": "Number.java.lang.Long", "StringValue": "1493147359900"},
    "binary": {"DataType": "Binary", "BinaryValue": b"traceparent\x1e00-\x00\xff"},
    "image": {"DataType": "Binary.png", "BinaryValue": b"\x89PNG"},
}


def test_attributes_come_back(sqs: Any, create: Call, receive: Call) -> None:
    """Facts 55, 61 and 65: values of all types with their labels, at each receive; the digest is that of the send."""
    url = create()
    sent = sqs.send_message(QueueUrl=url, MessageBody="test", MessageAttributes=KINDS)
    for _ in range(2):
        (message,) = receive(url, VisibilityTimeout=0, MessageAttributeNames=["All"])
        assert message["MessageAttributes"] == KINDS
        assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


def test_no_attributes_at_all(sqs: Any, create: Call) -> None:
    """Fact 55: an empty map of attributes is none."""
    assert "MD5OfMessageAttributes" not in sqs.send_message(QueueUrl=create(), MessageBody="x", MessageAttributes={})


def test_digests(sqs: Any, create: Call) -> None:
    """Facts 55, 56 and 64: check values; system attributes have a digest of their own and leave the other alone."""
    url = create()
    attributes = {"k": text("x")}
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == "a45daa70926828a2f0a1db3418e6feb4"
    assert "MD5OfMessageSystemAttributes" not in sent
    both = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes, MessageSystemAttributes=TRACED)
    assert both["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert both["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"
    traced = sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes=TRACED)
    assert "MD5OfMessageAttributes" not in traced
    assert traced["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"


def test_digest_of_three(sqs: Any, create: Call, receive: Call) -> None:
    """Facts 64, 65 and 88: the digest covers the names in order, on receive those that the filter lets through."""
    url = create(VisibilityTimeout="0")
    attributes = {"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi")}
    sent = sqs.send_message(QueueUrl=url, MessageBody="msg", MessageAttributes=attributes)
    everything = "4c360f3fdafd970e05fae2f149d997f5"
    assert sent["MD5OfMessageAttributes"] == everything
    for names, shown, digest in (
        (["All"], {"Help.Me", "Hello", "General"}, everything),
        (["*"], {"Help.Me", "Hello", "General"}, everything),
        ([".*"], {"Help.Me", "Hello", "General"}, everything),
        (["Hello", "General"], {"Hello", "General"}, "fca026605781cb4126a1e9044df24232"),
        (["Foo", "Hello"], {"Hello"}, "a311262e065454b75da111d535b8dacd"),
        (["Hel.*"], {"Help.Me", "Hello"}, "83fee93c1bcd8b9a5a923ffacdc636c7"),
    ):
        (message,) = receive(url, MessageAttributeNames=names)
        assert message["MessageAttributes"].keys() == shown
        assert message["MD5OfMessageAttributes"] == digest
    for names in ([], ["Foo", "Help"], ["AWS."], ["..foo"]):
        (message,) = receive(url, MessageAttributeNames=names)
        assert message.keys() == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}


@pytest.mark.parametrize("name", ["attr.1øßä", "a..b", "a-b_c.D9", "L" * 256, "AWSome"])
def test_good_attribute_names(sqs: Any, create: Call, name: str) -> None:
    """Fact 60: letters of Latin, digits, and three marks."""
    sqs.send_message(QueueUrl=create(), MessageBody="x", MessageAttributes={name: text("Valid")})


@pytest.mark.parametrize("name", ["aWs.x", "AMAZON.x", ".x", "x.", "a!", 'a"', "a§", "a(", "a?", "a b", "L" * 257])
def test_bad_attribute_names(sqs: Any, create: Call, refusal: Call, name: str) -> None:
    """Fact 60: reserved beginnings, dots at either end, other characters and more than 256 of them are refused."""
    attributes = {name: text("Valid")}
    code, _, status = refusal(sqs.send_message, QueueUrl=create(), MessageBody="x", MessageAttributes=attributes)
    assert (code, status) == ("InvalidParameterValue", 400)


@pytest.mark.parametrize("kind", ["Invalid", "string", "Strings", f"Number.{'L' * 256}"])
def test_bad_types(sqs: Any, create: Call, refusal: Call, kind: str) -> None:
    """Fact 61: String, Number or Binary, with a label at most, 256 characters in all."""
    attributes = {"name": {"DataType": kind, "StringValue": "1"}}
    code, message, _ = refusal(sqs.send_message, QueueUrl=create(), MessageBody="x", MessageAttributes=attributes)
    assert code == "InvalidParameterValue"
    assert message == (
        "The type of message (user) attribute 'name' is invalid. "
        "You must use only the following supported type prefixes: Binary, Number, String."
    )


def test_no_type(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 61: an attribute without a type is refused by name."""
    attributes = {"name": {"StringValue": "1"}}
    assert refusal(sqs.send_message, QueueUrl=create(), MessageBody="x", MessageAttributes=attributes) == (
        "InvalidParameterValue",
        "The message (user) attribute 'name' must contain a non-empty message attribute type.",
        400,
    )


def test_an_empty_value(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 62: an attribute without a value is refused by name."""
    assert refusal(
        sqs.send_message, QueueUrl=create(), MessageBody="test", MessageAttributes={"ErrorDetails": text("")}
    ) == (
        "InvalidParameterValue",
        "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.",
        400,
    )


def test_control_characters_in_a_value(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 63: they are an invalid parameter, not invalid contents."""
    attributes = {"attr1": text("Invalid-\x08,\x0b")}
    assert refusal(sqs.send_message, QueueUrl=create(), MessageBody="test", MessageAttributes=attributes)[0] == (
        "InvalidParameterValue"
    )


def test_ten_attributes(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 66: ten are legal, eleven are not."""
    url = create()
    ten = {f"n{number}": text("x") for number in range(10)}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=ten)
    eleven = {**ten, "more": text("x")}
    code, _, _ = refusal(sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes=eleven)
    assert code == "InvalidParameterValue"


def test_the_trace_header_of_the_request(json_client: Any, new_name: Call) -> None:
    """Fact 57: the HTTP header X-Amzn-Trace-Id becomes the message's AWSTraceHeader."""
    url = json_client.create_queue(QueueName=new_name())["QueueUrl"]

    def add_header(request: Any, **_: object) -> None:
        request.headers["X-Amzn-Trace-Id"] = TRACE

    json_client.meta.events.register("before-send.sqs.SendMessage", add_header)
    try:
        json_client.send_message(QueueUrl=url, MessageBody="test")
    finally:
        json_client.meta.events.unregister("before-send.sqs.SendMessage", add_header)
    answer = json_client.receive_message(QueueUrl=url, AttributeNames=["SentTimestamp", "AWSTraceHeader"])
    assert answer["Messages"][0]["Attributes"]["AWSTraceHeader"] == TRACE
