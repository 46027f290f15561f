"""How errors look on the wire, and which one comes when several could."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from query_client import QueryClient

from crossdock.testing import BrokerClock, LocalBroker

Call = Callable[..., Any]

ELSEWHERE = "https://sqs.us-east-1.amazonaws.com/000000000000/no-such-queue"
NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400)


def post_json(url: str, action: str, body: str) -> tuple[int, dict[str, str], Any]:
    """One bare request of the JSON protocol: status, headers in lower case, and the answer."""
    headers = {"X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"}
    request = urllib.request.Request(url, body.encode(), headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, {k.lower(): v for k, v in response.headers.items()}, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, json.load(error)


def test_json_errors_carry_both_names(json_client: Any) -> None:
    """Facts 1 and 2: the legacy code is what users see; the shape's name comes beside it."""
    with pytest.raises(json_client.exceptions.QueueDoesNotExist) as raised:
        json_client.get_queue_url(QueueName="no-such-queue")
    assert raised.value.response["Error"] == {
        "Code": NO_QUEUE[0],
        "Message": NO_QUEUE[1],
        "QueryErrorCode": "QueueDoesNotExist",
        "Type": "Sender",
    }


def test_json_error_on_the_wire(local: LocalBroker) -> None:
    """Facts 1, 4 and 7: a shape's name after a `#`, the legacy code in a header, and the content type of the protocol."""
    status, headers, answer = post_json(local.url, "GetQueueUrl", '{"QueueName": "no-such-queue"}')
    assert status == 400
    assert answer["__type"].endswith("#QueueDoesNotExist")
    assert answer["message"] == NO_QUEUE[1]
    assert headers["x-amzn-query-error"] == f"{NO_QUEUE[0]};Sender"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["x-amzn-requestid"]


def test_query_error(query_client: QueryClient) -> None:
    """Facts 1, 4 and 14: the legacy code, Sender, an empty Detail, the older text and the namespace."""
    status, _, text = query_client.request("GET", "/?Action=GetQueueUrl&QueueName=no-such-queue")
    assert status == 400
    assert 'xmlns="http://queue.amazonaws.com/doc/2012-11-05/"' in text
    assert "<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in text
    assert "<Message>The specified queue does not exist for this wsdl version.</Message><Detail/>" in text
    with pytest.raises(ClientError) as raised:
        query_client.get_queue_url(QueueName="no-such-queue")
    assert raised.value.response["Error"]["Detail"] is None


def test_unmodelled_errors_drop_the_word_exception(json_client: Any, create_fifo: Call) -> None:
    """Fact 3: InvalidParameterValueException and MissingRequiredParameterException are InvalidParameterValue and MissingParameter
    to users."""
    url = json_client.create_queue(QueueName="errors-unmodelled.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for missing, codes in (
        ({"MessageGroupId": "g"}, ("InvalidParameterValue", "InvalidParameterValueException")),
        ({"MessageDeduplicationId": "d"}, ("MissingParameter", "MissingRequiredParameterException")),
    ):
        with pytest.raises(ClientError) as raised:
            json_client.send_message(QueueUrl=url, MessageBody="x", **missing)
        error = raised.value.response["Error"]
        assert (error["Code"], error["QueryErrorCode"]) == codes


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("get_queue_attributes", {"AttributeNames": ["All"]}),
        ("set_queue_attributes", {"Attributes": {"DelaySeconds": "1"}}),
        ("send_message", {"MessageBody": "x"}),
        ("send_message_batch", {"Entries": [{"Id": "1", "MessageBody": "x"}]}),
        ("receive_message", {}),
        ("delete_message", {"ReceiptHandle": "garbage"}),
        ("delete_message_batch", {"Entries": [{"Id": "1", "ReceiptHandle": "garbage"}]}),
        ("change_message_visibility", {"ReceiptHandle": "garbage", "VisibilityTimeout": 1}),
        ("purge_queue", {}),
        ("tag_queue", {"Tags": {"a": "b"}}),
        ("untag_queue", {"TagKeys": ["a"]}),
        ("list_queue_tags", {}),
        ("list_dead_letter_source_queues", {}),
        ("add_permission", {"Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}),
        ("remove_permission", {"Label": "l"}),
        ("delete_queue", {}),
    ],
)
def test_every_action_misses_the_queue_first(sqs: Any, refusal: Call, method: str, parameters: dict[str, Any]) -> None:
    """Facts 4, 5 and 6: on an unknown queue each action fails alike, whatever else is wrong with the call."""
    code, text, status = refusal(getattr(sqs, method), QueueUrl=ELSEWHERE, **parameters)
    assert (code, status) == (NO_QUEUE[0], 400)
    assert text.startswith("The specified queue does not exist")


def test_statuses_that_are_not_400(
    sqs: Any, refusal: Call, create: Call, create_fifo: Call, clock: BrokerClock
) -> None:
    """Fact 2: 403 for limits and purges, 404 for what a move task does not find and for a receipt handle that is none."""
    url = create()
    sqs.purge_queue(QueueUrl=url)
    assert refusal(sqs.purge_queue, QueueUrl=url)[2] == 403
    actions = ["SendMessage"] * 8
    assert refusal(sqs.add_permission, QueueUrl=url, Label="l", AWSAccountIds=["1" * 12], Actions=actions)[2] == 403
    assert refusal(sqs.start_message_move_task, SourceArn="arn:aws:sqs:us-east-1:000000000000:none")[2] == 404
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle="garbage")[2] == 404


def test_json_answers_on_a_queue_path(local: LocalBroker, sqs: Any, create: Call) -> None:
    """Fact 7: a JSON request posted to a queue's URL is answered in JSON's content type."""
    url = create()
    status, headers, answer = post_json(url, "ReceiveMessage", json.dumps({"QueueUrl": url}))
    assert (status, headers["content-type"], answer) == (200, "application/x-amz-json-1.0", {})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", "SerializationException"),
        ("[]", "SerializationException"),
        ('{"QueueName": {}}', "SerializationException"),
    ],
)
def test_what_is_not_json(local: LocalBroker, body: str, code: str) -> None:
    """A body that cannot be read is a SerializationException and never an internal failure."""
    status, _, answer = post_json(local.url, "GetQueueUrl", body)
    assert status == 400
    assert answer["__type"].endswith(code)


def test_empty_results(sqs: Any, create: Call) -> None:
    """Fact 113: actions that have nothing to tell answer with nothing."""
    url = create()
    for method, parameters in (
        ("set_queue_attributes", {"Attributes": {"DelaySeconds": "0"}}),
        ("tag_queue", {"Tags": {"a": "b"}}),
        ("untag_queue", {"TagKeys": ["a"]}),
        ("add_permission", {"Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}),
        ("remove_permission", {"Label": "l"}),
        ("purge_queue", {}),
        ("delete_queue", {}),
    ):
        answer = getattr(sqs, method)(QueueUrl=url, **parameters)
        assert answer.keys() == {"ResponseMetadata"}
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
