"""The Query protocol by hand: GET and POST, on the root and on queue paths, answered in XML or in JSON."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from query_client import QueryClient

Call = Callable[..., Any]

AS_JSON = {"Accept": "application/json"}


@pytest.fixture
def url(query_client: QueryClient, new_name: Call) -> str:
    """The URL of a queue."""
    queue_url: str = query_client.create_queue(QueueName=new_name())["QueueUrl"]
    return queue_url


@pytest.fixture
def get(query_client: QueryClient) -> Call:
    """GET a URL with these parameters; status, content type and text."""

    def ask(url: str, headers: dict[str, str] | None = None, **parameters: str) -> tuple[int, str, str]:
        form = {name.replace("_", "."): value for name, value in parameters.items()}
        query = f"?{urlencode(form)}" if form else ""
        status, answered, text = query_client.request("GET", f"{urlsplit(url).path or '/'}{query}", headers=headers)
        return status, answered["content-type"], text

    return ask


def name_of(url: str) -> str:
    """The name of the queue with a URL."""
    return url.rpartition("/")[2]


# Queue paths


def test_send_and_receive(get: Call, url: str, new_name: Call, query_client: QueryClient) -> None:
    """Facts 12 and 14: neither QueueUrl nor Version is needed on a queue's path; nothing to give is an empty element."""
    assert get(url, Action="SendMessage", MessageBody="foobar")[0] == 200
    other = query_client.create_queue(QueueName=new_name())["QueueUrl"]
    status, kind, text = get(other, Action="ReceiveMessage")
    assert (status, kind.partition(";")[0]) == (200, "text/xml")
    assert "<ReceiveMessageResult/>" in text
    _, _, text = get(url, Action="ReceiveMessage")
    assert "<Body>foobar</Body>" in text
    assert "<MD5OfBody>3858f62230ac3c915f300c664312c63f</MD5OfBody>" in text


def test_attributes(get: Call, url: str) -> None:
    """Facts 12 and 14: attributes as pairs of Name and Value, below a root element with its namespace."""
    _, _, text = get(url, Action="GetQueueAttributes", AttributeName_1="All")
    assert '<GetQueueAttributesResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">' in text
    assert f"<Attribute><Name>QueueArn</Name><Value>arn:aws:sqs:us-east-1:000000000000:{name_of(url)}</Value>" in text
    assert "<Attribute><Name>VisibilityTimeout</Name><Value>30</Value></Attribute>" in text
    _, _, text = get(url, Action="GetQueueAttributes", AttributeName_1="QueueArn")
    assert "VisibilityTimeout" not in text


def test_the_parameter_wins_over_the_path(get: Call, url: str, query_client: QueryClient, new_name: Call) -> None:
    """Fact 12: with both, QueueUrl says which queue is meant."""
    other = query_client.create_queue(QueueName=new_name())["QueueUrl"]
    _, _, text = get(url, Action="GetQueueAttributes", QueueUrl=other, AttributeName_1="QueueArn")
    assert f":{name_of(other)}<" in text
    assert f":{name_of(url)}<" not in text


def test_unknown_attributes(get: Call, url: str) -> None:
    """Fact 37: an unknown attribute over Query."""
    status, _, text = get(url, Action="GetQueueAttributes", AttributeName_1="Foobar")
    assert status == 400
    assert "<Type>Sender</Type><Code>InvalidAttributeName</Code><Message>Unknown Attribute Foobar.</Message>" in text


def test_an_unknown_action(get: Call, url: str) -> None:
    """Fact 8: named in the error, on the root and on a queue's path."""
    for where in (url, "/"):
        status, _, text = get(where, Action="FooBar", Version="2012-11-05")
        assert status == 400
        assert "<Type>Sender</Type><Code>InvalidAction</Code>" in text
        assert "<Message>The action FooBar is not valid for this endpoint.</Message>" in text


def test_a_missing_parameter(get: Call, url: str) -> None:
    """Fact 9: named in the error."""
    status, _, text = get(url, Action="SendMessage")
    assert status == 400
    assert "<Type>Sender</Type><Code>MissingParameter</Code>" in text
    assert "<Message>The request must contain the parameter MessageBody.</Message>" in text


@pytest.mark.parametrize("headers", [{}, AS_JSON])
def test_no_action(get: Call, url: str, headers: dict[str, str]) -> None:
    """Fact 10: a bare GET of a queue's URL is an unknown operation, in XML whatever is accepted."""
    status, _, text = get(url, headers)
    assert status == 404
    assert "<UnknownOperationException/>" in text


@pytest.mark.parametrize("action", ["CreateQueue", "ListQueues"])
def test_actions_of_the_account(get: Call, url: str, action: str) -> None:
    """Fact 11: they belong to the root, not to a queue."""
    status, _, text = get(url, Action=action, QueueName="another")
    assert status == 400
    assert "<Code>InvalidAction</Code>" in text
    assert f"<Message>The action {action} is not valid for this endpoint.</Message>" in text


def test_urls_of_queues_from_a_queue(get: Call, url: str, query_client: QueryClient, new_name: Call) -> None:
    """Fact 11: GetQueueUrl is allowed on a queue's path, for any queue."""
    other = query_client.create_queue(QueueName=new_name())["QueueUrl"]
    for asked in (url, other):
        parameters = {"Action": "GetQueueUrl", "QueueName": name_of(asked), "QueueOwnerAWSAccountId": "000000000000"}
        status, _, text = get(url, **parameters)
        assert status == 200
        assert f"<QueueUrl>{asked}</QueueUrl>" in text


def test_deletion(get: Call, url: str) -> None:
    """Facts 2, 4 and 5: after a DeleteQueue by GET the queue is missing, in the older words."""
    status, _, text = get(url, Action="DeleteQueue")
    assert status == 200
    assert "<DeleteQueueResponse " in text
    status, _, text = get(url, Action="GetQueueAttributes", AttributeName_1="QueueArn")
    assert status == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in text
    assert "<Message>The specified queue does not exist for this wsdl version.</Message>" in text


def test_carriage_returns(get: Call, url: str, query_client: QueryClient) -> None:
    """Fact 52: a CR is written as a character reference, since XML would lose it."""
    query_client.send_message(QueueUrl=url, MessageBody="a\r\nb")
    assert "<Body>a&#xD;\nb</Body>" in get(url, Action="ReceiveMessage")[2]


# JSON from the Query protocol


def test_json_on_the_root(get: Call, url: str) -> None:
    """Fact 13: where JSON is accepted, the answer is wrapped as the XML is."""
    status, _, text = get("/", AS_JSON, Action="ListQueues", Version="2012-11-05")
    assert status == 200
    assert url in json.loads(text)["ListQueuesResponse"]["ListQueuesResult"]["queueUrls"]
    assert "<ListQueuesResponse" in get("/", Action="ListQueues", Version="2012-11-05")[2]


def test_json_on_a_queue_path(get: Call, url: str, query_client: QueryClient) -> None:
    """Fact 13: attributes are a list of pairs, messages stand under a key in lower case."""
    _, _, text = get(url, AS_JSON, Action="GetQueueAttributes", AttributeName_1="All")
    attributes = json.loads(text)["GetQueueAttributesResponse"]["GetQueueAttributesResult"]["Attributes"]
    assert {"Name": "VisibilityTimeout", "Value": "30"} in attributes
    query_client.send_message(QueueUrl=url, MessageBody="x")
    _, _, text = get(url, AS_JSON, Action="ReceiveMessage")
    assert json.loads(text)["ReceiveMessageResponse"]["ReceiveMessageResult"]["messages"][0]["Body"] == "x"


def test_json_errors_on_a_queue_path(get: Call, url: str) -> None:
    """Fact 13: an error is an object with Code and Message."""
    status, _, text = get(url, AS_JSON, Action="ListQueues")
    assert status == 400
    error = json.loads(text)["Error"]
    assert error["Code"] == "InvalidAction"
    assert error["Message"] == "The action ListQueues is not valid for this endpoint."


# Signatures in the query string


def test_a_presigned_url(query_client: QueryClient, url: str) -> None:
    """Fact 15: a GET that is signed in its query string is answered, in the region of that signature."""
    request = AWSRequest("GET", f"{url}?{urlencode({'Action': 'SendMessage', 'MessageBody': 'signed'})}")
    SigV4QueryAuth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(request)
    target = urlsplit(request.url)
    status, _, text = query_client.request("GET", f"{target.path}?{target.query}")
    assert status == 200
    assert "<SendMessageResponse" in text
    assert query_client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "signed"
