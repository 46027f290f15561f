"""What Query requests may look like beside the table: paths, tolerated spellings, incomplete and broken ones."""

from urllib.parse import quote

import pytest

from crossdock.aws.api import sqs
from crossdock.aws.errors import (
    ApiError,
    InvalidAction,
    InvalidParameterValue,
    MalformedQueryString,
    MissingParameter,
    UnknownOperation,
)
from crossdock.aws.shapes import Shape
from crossdock.aws.wire.codec import find_codec
from crossdock.aws.wire.http import HttpRequest, HttpResponse

QUEUE_PATH = "/123456789012/orders"


def decode(form: str | bytes, target: str = "/") -> Shape:
    """The input that the codec reads from a form posted to `target`."""
    body = form.encode() if isinstance(form, str) else form
    request = HttpRequest("POST", target, {"content-type": "application/x-www-form-urlencoded"}, body)
    return find_codec(request).decode(request)[1]


def refuse(method: str, target: str, accept: str = "*/*") -> HttpResponse:
    """The response to a request that the codec refuses."""
    request = HttpRequest(method, target, {"accept": accept}, b"")
    codec = find_codec(request)
    with pytest.raises(ApiError) as error:
        codec.decode(request)
    return codec.encode_error(error.value, "id-1")


# Where a request is addressed to


def test_the_path_names_the_queue() -> None:
    """A12: on a queue's path no QueueUrl is needed, by GET or POST, and Version may be left out."""
    request = HttpRequest("GET", f"{QUEUE_PATH}?Action=PurgeQueue", {}, b"")
    assert find_codec(request).decode(request)[1] == sqs.PurgeQueue(QUEUE_PATH)
    assert decode("Action=PurgeQueue", f"{QUEUE_PATH}/") == sqs.PurgeQueue(QUEUE_PATH)
    assert decode("Action=PurgeQueue&QueueUrl=", QUEUE_PATH) == sqs.PurgeQueue(QUEUE_PATH)


def test_the_parameter_wins_over_the_path() -> None:
    """A12: a QueueUrl parameter counts more than the path."""
    assert decode("Action=PurgeQueue&QueueUrl=other", QUEUE_PATH) == sqs.PurgeQueue("other")


@pytest.mark.parametrize("action", ["CreateQueue", "ListQueues"])
def test_account_actions_are_refused_on_a_queue(action: str) -> None:
    """A11: an action that is about no queue is not valid on a queue's path."""
    with pytest.raises(InvalidAction) as error:
        decode(f"Action={action}&QueueName=q", QUEUE_PATH)
    assert error.value.message == f"The action {action} is not valid for this endpoint."


def test_get_queue_url_is_allowed_on_a_queue() -> None:
    """A11: GetQueueUrl may be asked of any queue's path."""
    assert decode("Action=GetQueueUrl&QueueName=other", QUEUE_PATH) == sqs.GetQueueUrl("other")


@pytest.mark.parametrize("target", ["/", QUEUE_PATH])
def test_unknown_actions(target: str) -> None:
    """A8: an action that does not exist is not valid for the endpoint."""
    response = refuse("GET", f"{target}?Action=FooBar")
    assert response.status == 400
    assert (
        b"<Code>InvalidAction</Code><Message>The action FooBar is not valid for this endpoint.</Message>"
        in response.body
    )


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_no_action_at_all(accept: str) -> None:
    """A10: GET on a queue's URL without an action is a 404 in XML, even for those who ask for JSON."""
    response = refuse("GET", QUEUE_PATH, accept)
    assert (response.status, response.body) == (404, b"<UnknownOperationException/>")
    assert response.header("content-type") == "text/xml"
    with pytest.raises(UnknownOperation):
        decode("")


def test_errors_in_json_for_those_who_ask() -> None:
    """A13: with `Accept: application/json` an error is a JSON object."""
    response = refuse("GET", f"{QUEUE_PATH}?Action=ListQueues", "application/json")
    assert response.status == 400
    assert response.body == (
        b'{"Error":{"Code":"InvalidAction","Message":"The action ListQueues is not valid for this endpoint.",'
        b'"Type":"Sender"},"RequestId":"id-1"}'
    )


# Parameters


def test_missing_parameters() -> None:
    """A9: a required parameter that is absent is named, further down by its whole name."""
    with pytest.raises(MissingParameter, match=r"The request must contain the parameter MessageBody\."):
        decode("Action=SendMessage", QUEUE_PATH)
    with pytest.raises(MissingParameter, match=r"the parameter SendMessageBatchRequestEntry\.3\.Id\."):
        decode("Action=SendMessageBatch&SendMessageBatchRequestEntry.3.MessageBody=a", QUEUE_PATH)
    with pytest.raises(MissingParameter, match=r"the parameter Attribute\.1\.Value\."):
        decode("Action=SetQueueAttributes&Attribute.1.Name=Policy", QUEUE_PATH)
    with pytest.raises(MissingParameter, match=r"the parameter Attribute\.Value\."):
        decode("Action=SetQueueAttributes&Attribute.Name=Policy", QUEUE_PATH)
    with pytest.raises(MissingParameter, match=r"the parameter Attribute\.1\.Name\."):
        decode("Action=SetQueueAttributes&Attribute.1.Value=x", QUEUE_PATH)


def test_absent_lists_and_maps_are_empty() -> None:
    """A required list or map cannot be written empty in a form: its absence, or its bare name, is an empty one."""
    assert decode("Action=DeleteMessageBatch", QUEUE_PATH) == sqs.DeleteMessageBatch(QUEUE_PATH, [])
    assert decode("Action=TagQueue", QUEUE_PATH) == sqs.TagQueue(QUEUE_PATH, {})
    assert decode("Action=UntagQueue&TagKey=", QUEUE_PATH) == sqs.UntagQueue(QUEUE_PATH, [])


@pytest.mark.parametrize(
    "form",
    [
        "AttributeName.1=A&AttributeName.2=B",
        "AttributeName.7=B&AttributeName.3=A",
        "AttributeName.10=B&AttributeName.9=A",
        "AttributeName.0=A&AttributeName.1=B",
        "AttributeName.member.1=A&AttributeName.member.2=B",
        "AttributeNames.member.1=A&AttributeNames.member.2=B",
        "AttributeName.1=A&AttributeName.2=B&AttributeName.x=C&AttributeName.99999999999=D",
        "AttributeName.1=X&AttributeName.1=A&AttributeName.2=B",
    ],
)
def test_lists_are_ordered_by_index(form: str) -> None:
    """Gaps do not matter, numbers count as numbers, both names and both styles of a list mean the same, absurd indexes are ignored."""
    assert decode(f"Action=GetQueueAttributes&{form}", QUEUE_PATH) == sqs.GetQueueAttributes(QUEUE_PATH, ["A", "B"])


def test_the_old_attribute_names_win() -> None:
    """F87: of AttributeName and MessageSystemAttributeName the Query protocol follows the old one."""
    names = "AttributeName.1=SenderId&MessageSystemAttributeName.1=All"
    assert decode(f"Action=ReceiveMessage&{names}", QUEUE_PATH) == sqs.ReceiveMessage(QUEUE_PATH, ["SenderId"])


def test_a_list_of_one_without_index() -> None:
    """`AttributeName=All` is a list of one."""
    assert decode("Action=GetQueueAttributes&AttributeName=All", QUEUE_PATH) == sqs.GetQueueAttributes(
        QUEUE_PATH, ["All"]
    )


@pytest.mark.parametrize("name", ["Tag", "Tags", "Tag.1", "Tags.1", "Tag.entry.4", "Tags.member.2"])
def test_spellings_of_tags(name: str) -> None:
    """TagQueue of the Query-era SDKs writes `Tags.1.Key`, CreateQueue `Tag.1.Key`: both are taken, and one tag needs no number."""
    assert decode(f"Action=TagQueue&{name}.Key=a&{name}.Value=b", QUEUE_PATH) == sqs.TagQueue(QUEUE_PATH, {"a": "b"})


@pytest.mark.parametrize("value", ["abc", "", "5.0", "1_0", "٣", "-", "--1", "9" * 19])
def test_integers_that_are_none(value: str) -> None:
    """A text where an integer is due is refused with the parameter's name."""
    with pytest.raises(InvalidParameterValue) as error:
        decode(f"Action=ReceiveMessage&MaxNumberOfMessages={quote(value)}", QUEUE_PATH)
    assert (
        error.value.message
        == f"Value {value} for parameter MaxNumberOfMessages is invalid. Reason: Must be an integer."
    )


def test_negative_integers() -> None:
    """A negative number is a number; its range is for the machine to judge."""
    value = decode("Action=ReceiveMessage&WaitTimeSeconds=-1", QUEUE_PATH)
    assert value == sqs.ReceiveMessage(QUEUE_PATH, wait_time_seconds=-1)


def test_blobs_that_are_none() -> None:
    """A blob that is not Base64 is refused with the parameter's name."""
    attribute = "MessageAttribute.1.Name=k&MessageAttribute.1.Value.DataType=Binary"
    with pytest.raises(InvalidParameterValue, match=r"MessageAttribute\.1\.Value\.BinaryValue is invalid"):
        decode(f"Action=SendMessage&MessageBody=b&{attribute}&MessageAttribute.1.Value.BinaryValue=?", QUEUE_PATH)


def test_broken_percent_encoding_stands_for_itself() -> None:
    """A percent sign that begins no code is a percent sign."""
    assert decode("Action=SendMessage&MessageBody=100%&DelaySeconds=1", QUEUE_PATH) == sqs.SendMessage(
        QUEUE_PATH, "100%", 1
    )


@pytest.mark.parametrize("form", [b"Action=SendMessage&MessageBody=\xff", b"Action=SendMessage&MessageBody=%FF"])
def test_what_is_not_utf8_is_refused(form: bytes) -> None:
    """Parameters that are not UTF-8, raw or encoded, are a malformed query string."""
    with pytest.raises(MalformedQueryString):
        decode(form, QUEUE_PATH)


@pytest.mark.parametrize(
    "form",
    [
        "&".join(f"AttributeName.{number}=x" for number in range(20_000)),
        "Action=ListQueues&" + "a." * 200_000 + "b=c",
        "Action=ListQueues&" + "." * 200_000,
        "Action=GetQueueAttributes&AttributeName." + "9" * 200_000 + "=x",
        "Action=ReceiveMessage&WaitTimeSeconds=" + "9" * 200_000,
        "&".join(f"{'a.' * 14}{number}=x" for number in range(9_000)),
    ],
    ids=["many", "deep", "dots", "index", "integer", "bushy"],
)
@pytest.mark.timeout(60)
def test_bombs_are_cheap(form: str) -> None:
    """Very many, very deep or very long parameters are refused or ignored, and soon."""
    try:
        decode(form)
    except ApiError as error:
        assert error.status < 500
