"""What AWS JSON requests may look like beside the table: tolerated, incomplete and broken ones."""

import pytest

from crossdock.aws.api import sqs
from crossdock.aws.errors import MissingParameter, QueueDoesNotExist, Serialization, UnknownOperation
from crossdock.aws.shapes import Shape
from crossdock.aws.wire.codec import find_codec
from crossdock.aws.wire.http import HttpRequest, HttpResponse

JSON_HEADERS = {"content-type": "application/x-amz-json-1.0"}


def decode(operation: str, body: bytes) -> Shape:
    """The input that the codec reads from a body."""
    request = HttpRequest("POST", "/", {**JSON_HEADERS, "x-amz-target": f"AmazonSQS.{operation}"}, body)
    decoded, value = find_codec(request).decode(request)
    assert decoded.name == operation
    return value


def test_an_empty_body_is_an_empty_object() -> None:
    """A request without a body has no members; that is enough where none is required."""
    assert decode("ListQueues", b"") == sqs.ListQueues()


def test_unknown_members_are_ignored() -> None:
    """Members that the operation does not have do no harm, whatever they hold."""
    assert decode("DeleteQueue", b'{"Extra":{"a":[1,2.5,null]},"QueueUrl":"u"}') == sqs.DeleteQueue("u")


def test_null_is_absent() -> None:
    """A null member counts as left out."""
    assert decode("SendMessage", b'{"QueueUrl":"u","MessageBody":"b","DelaySeconds":null}') == sqs.SendMessage("u", "b")


def test_integral_floats_are_integers() -> None:
    """`5.0` is taken where an integer is due."""
    body = b'{"QueueUrl":"u","ReceiptHandle":"r","VisibilityTimeout":5.0}'
    assert decode("ChangeMessageVisibility", body) == sqs.ChangeMessageVisibility("u", "r", 5)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud800", "\uffff"),
        (r"a\uDFFF\ud83d\uDE00\ud83d", "a\uffff😀\uffff"),
        (r"\\ud800\ud800", "\\ud800\uffff"),
        (r"\udc00\ud800\"\u00e9", '\uffff\uffff"é'),
    ],
)
def test_half_a_surrogate_pair(written: str, read: str) -> None:
    """Half of a pair that stands alone is read as U+FFFF; whole pairs and other escapes are left as they are."""
    body = f'{{"QueueUrl":"u","MessageBody":"{written}"}}'
    assert decode("SendMessage", body.encode()) == sqs.SendMessage("u", read)


@pytest.mark.parametrize(
    ("operation", "body", "name"),
    [
        ("SendMessage", b'{"QueueUrl":"u","DelaySeconds":1}', "MessageBody"),
        ("SendMessage", b'{"QueueUrl":"u","MessageBody":null}', "MessageBody"),
        ("SendMessageBatch", b'{"QueueUrl":"u"}', "Entries"),
        (
            "SendMessageBatch",
            b'{"QueueUrl":"u","Entries":[{"Id":"a","MessageBody":"b"},{"MessageBody":"c"}]}',
            "SendMessageBatchRequestEntry.2.Id",
        ),
    ],
)
def test_the_first_missing_member_is_named(operation: str, body: bytes, name: str) -> None:
    """A missing or null required member is an error that names it; members of the request itself come before those further down."""
    with pytest.raises(MissingParameter) as error:
        decode(operation, body)
    assert error.value.message == f"The request must contain the parameter {name}."


@pytest.mark.parametrize("body", [b"{}", b'{"MessageBody":"b"}', b'{"QueueUrl":null}'])
def test_no_queue_url_names_no_queue(body: bytes) -> None:
    """An absent QueueUrl is that of a queue that does not exist, as AWS was recorded to answer."""
    with pytest.raises(QueueDoesNotExist):
        decode("SendMessage", body)


def test_other_types_that_pass() -> None:
    """Numbers and truth values are taken for texts, digits for an integer; a null in a map is absent."""
    body = b'{"QueueUrl":"u","MessageBody":false,"MessageGroupId":7,"DelaySeconds":"5"}'
    assert decode("SendMessage", body) == sqs.SendMessage("u", "false", 5, message_group_id="7")
    body = b'{"QueueName":"q","Attributes":{"DelaySeconds":400,"Policy":null}}'
    assert decode("CreateQueue", body) == sqs.CreateQueue("q", {"DelaySeconds": "400"})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"MessageBody":{}}', "Start of structure or map found where not expected."),
        (b'{"MessageBody":[]}', "Start of list found where not expected"),
        (b'{"DelaySeconds":{}}', "Start of structure or map found where not expected."),
        (b'{"DelaySeconds":"soon"}', "STRING_VALUE can not be converted to an Integer"),
        (b'{"DelaySeconds":true}', "TRUE_VALUE can not be converted to an Integer"),
        (b'{"MessageAttributes":[]}', "Unexpected value type in payload"),
        (b'{"MessageAttributes":{"a":"b"}}', "Unexpected value type in payload"),
        (b'{"MessageAttributes":{"a":{"StringListValues":"b"}}}', "Expected list or null"),
        (
            b'{"MessageAttributes":{"a":{"StringListValues":[["b"]]}}}',
            "Unrecognized collection type class java.lang.String",
        ),
    ],
)
def test_what_cannot_be_meant(body: bytes, text: str) -> None:
    """A value of the wrong kind is refused in the words of AWS's framework, before anything is found to be missing."""
    with pytest.raises(Serialization) as error:
        decode("SendMessage", body)
    assert error.value.message == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"{", "truncated"),
        (b"{}x", "trailing"),
        (b"Action=SendMessage", "malformed"),
        (b'{"QueueUrl":"u","MessageBody":"\xff"}', "UTF-8"),
        (b'{"QueueUrl":"u","MessageBody":"b","DelaySeconds":5.5}', "Expected `int | null`, got `float`"),
        (b'{"QueueUrl":"u","MessageBody":"b","DelaySeconds":1e999}', "could not be read"),
        (b'{"QueueUrl":"u","MessageBody":"b","DelaySeconds":' + b"9" * 5_000 + b"}", "could not be read"),
        (
            b'{"QueueUrl":"u","MessageBody":"b","MessageAttributes":{"k":{"DataType":"Binary","BinaryValue":"?"}}}',
            "Invalid base64",
        ),
        (b'{"QueueUrl":"u","MessageBody":"b","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "too deeply"),
    ],
)
def test_what_cannot_be_read_is_a_serialization_error(body: bytes, text: str) -> None:
    """A body that is no JSON, no object, or has a member of the wrong type is refused with the reason."""
    with pytest.raises(Serialization) as error:
        decode("SendMessage", body)
    assert text in error.value.message


@pytest.mark.parametrize(
    "target", ["AmazonSQS.FooBar", "AmazonSQS.", "SendMessage", "DynamoDB_20120810.ListTables", ""]
)
def test_unknown_operations(target: str) -> None:
    """A target that names no operation is an error in JSON; SDKs see InvalidAction."""
    request = HttpRequest("POST", "/", {**JSON_HEADERS, "x-amz-target": target}, b"{}")
    codec = find_codec(request)
    with pytest.raises(UnknownOperation) as error:
        codec.decode(request)
    response: HttpResponse = codec.encode_error(error.value, "id-1")
    assert response.status == 400
    assert response.header("x-amzn-query-error") == "InvalidAction;Sender"
    assert response.body.startswith(b'{"__type":"com.amazon.coral.service#UnknownOperationException"')
