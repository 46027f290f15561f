"""Queues: their names and URLs, creation that may be repeated, deletion, listing."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from query_client import QueryClient

from crossdock.testing import BrokerClock, LocalBroker

Call = Callable[..., Any]
Names = Callable[[], str]


# URLs and names


@pytest.mark.parametrize(
    "form",
    [
        "{name}",
        "https://queue.amazonaws.com/{path}",
        "https://sqs.eu-west-9.amazonaws.com/{path}",
        "http://x/{path}",
        "http://x/behind/a-proxy/{path}",
        "http://x/queue/us-east-1/{path}/",
        "/{path}",
    ],
)
def test_the_host_of_a_queue_url_does_not_matter(sqs: Any, create: Call, bodies: Call, form: str) -> None:
    """Facts 16 and 17: a bare name and any host lead to the queue; the last two parts of the path count."""
    path = urlsplit(create()).path[1:]
    url = form.format(name=path.rpartition("/")[2], path=path)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=url, MessageBody="by another name")
    assert bodies(url) == ["by another name"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.delete_queue(QueueUrl=url)


@pytest.mark.parametrize("url", ["nonsense", "https://x/", "https://x/y/z/1/2", "://", "http://[", "%"])
def test_nonsense_urls_mean_no_queue(sqs: Any, refusal: Call, url: str) -> None:
    """Fact 17: whatever is no queue's URL is an unknown queue, never an invalid address."""
    assert refusal(sqs.receive_message, QueueUrl=url)[0] == "AWS.SimpleQueueService.NonExistentQueue"


def test_the_same_url_from_every_action(sqs: Any, local: LocalBroker, new_name: Names) -> None:
    """Fact 18: CreateQueue, GetQueueUrl and ListQueues give one URL, byte for byte, on the host that the client called."""
    name = new_name()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert url == f"{local.url}/000000000000/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="000000000000")["QueueUrl"] == url
    assert sqs.list_queues(QueueNamePrefix=name)["QueueUrls"] == [url]


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 80, "x" * 75 + ".fifo"])
def test_good_names(sqs: Any, name: str) -> None:
    """Fact 19: up to 80 letters, digits, hyphens and underscores; the suffix of a FIFO queue counts."""
    attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    assert sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"].endswith(f"/{name}")


@pytest.mark.parametrize("name", ["a b", "a/b", "queue/1/", "a.b", "ü", "x" * 81])
def test_bad_names(sqs: Any, refusal: Call, name: str) -> None:
    """Fact 19: every other name is refused."""
    text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    assert refusal(sqs.create_queue, QueueName=name) == ("InvalidParameterValue", text, 400)


def test_no_name(sqs: Any, refusal: Call) -> None:
    """Fact 19: a name must be given, and not be empty; each has a text of its own."""
    assert refusal(sqs.create_queue) == (
        "InvalidParameterValue",
        "Value for parameter QueueName is invalid. Reason: Must specify a queue name.",
        400,
    )
    assert refusal(sqs.create_queue, QueueName="")[:2] == ("InvalidParameterValue", "Queue name cannot be empty")


def test_the_suffix_and_the_attribute_go_together(sqs: Any, refusal: Call) -> None:
    """Fact 20: a FIFO queue without the suffix and the suffix without a FIFO queue are both refused."""
    assert refusal(sqs.create_queue, QueueName="plain", Attributes={"FifoQueue": "true"}) == (
        "InvalidParameterValue",
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
        "must end with .fifo suffix and be 1 to 80 in length.",
        400,
    )
    assert refusal(sqs.create_queue, QueueName="suffix.fifo")[0] == "InvalidParameterValue"
    long = "x" * 76 + ".fifo"
    assert refusal(sqs.create_queue, QueueName=long, Attributes={"FifoQueue": "true"})[0] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"FifoQueue": "false"}, "Unknown Attribute FifoQueue."),
        ({"ContentBasedDeduplication": "false"}, "Unknown Attribute ContentBasedDeduplication."),
        (
            {"DeduplicationScope": "queue"},
            "You can specify the DeduplicationScope only when FifoQueue is set to true.",
        ),
        (
            {"FifoThroughputLimit": "perQueue"},
            "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
        ),
        ({"Nonsense": "1"}, "Unknown Attribute Nonsense."),
    ],
)
def test_attributes_that_standard_queues_lack(sqs: Any, refusal: Call, attributes: dict[str, str], text: str) -> None:
    """Facts 21, 22 and 23: what belongs to FIFO queues is unknown to the others, even at its default."""
    assert refusal(sqs.create_queue, QueueName="refused", Attributes=attributes) == ("InvalidAttributeName", text, 400)


def test_booleans_of_any_case(sqs: Any, new_name: Names, attributes_of: Call) -> None:
    """Fact 24: True is true."""
    asked = {"FifoQueue": "True", "ContentBasedDeduplication": "TRUE", "SqsManagedSseEnabled": "False"}
    url = sqs.create_queue(QueueName=f"{new_name()}.fifo", Attributes=asked)["QueueUrl"]
    assert attributes_of(url, *asked) == {name: value.lower() for name, value in asked.items()}


# Creation, again


def test_creation_may_be_repeated(sqs: Any, new_name: Names) -> None:
    """Fact 25: without attributes, with some of them or with all, as long as those given are the present ones."""
    name, asked = new_name(), {"DelaySeconds": "1", "VisibilityTimeout": "69"}
    url = sqs.create_queue(QueueName=name, Attributes=asked)["QueueUrl"]
    for again in ({}, asked, {"DelaySeconds": "1"}, {"MaximumMessageSize": "1048576"}):
        assert sqs.create_queue(QueueName=name, Attributes=again)["QueueUrl"] == url


def test_creation_with_other_attributes(sqs: Any, new_name: Names, refusal: Call) -> None:
    """Facts 26 and 27: the present values count, not the original ones; the error names the attribute."""
    name = new_name()
    old, new = ({"ReceiveMessageWaitTimeSeconds": "1", "DelaySeconds": delay} for delay in ("1", "2"))
    url = sqs.create_queue(QueueName=name, Attributes=old)["QueueUrl"]
    refused = (
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
        400,
    )
    assert refusal(sqs.create_queue, QueueName=name, Attributes=new) == refused
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "2"})
    assert sqs.create_queue(QueueName=name, Attributes=new)["QueueUrl"] == url
    assert refusal(sqs.create_queue, QueueName=name, Attributes=old) == refused


def test_fifo_creation_with_other_attributes(sqs: Any, new_name: Names, refusal: Call) -> None:
    """Fact 27: the same for the attributes of FIFO queues."""
    name, fifo = f"{new_name()}.fifo", {"FifoQueue": "true"}
    sqs.create_queue(QueueName=name, Attributes={**fifo, "ContentBasedDeduplication": "true"})
    asked = {**fifo, "ContentBasedDeduplication": "false"}
    code, text, _ = refusal(sqs.create_queue, QueueName=name, Attributes=asked)
    assert code == "QueueAlreadyExists"
    assert text.endswith("different value for attribute ContentBasedDeduplication")


def test_messages_do_not_matter_to_creation(sqs: Any, new_name: Names, clock: BrokerClock) -> None:
    """Fact 28: counts and timestamps are no attributes in this respect."""
    name = new_name()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=1)
    sqs.send_message(QueueUrl=url, MessageBody="y")
    clock.advance(5)
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url


def test_a_name_rests_for_a_minute(sqs: Any, new_name: Names, refusal: Call, clock: BrokerClock) -> None:
    """Fact 29: after its deletion a queue cannot be created for 60 seconds."""
    name = new_name()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    assert refusal(sqs.create_queue, QueueName=name) == (
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        400,
    )
    clock.advance(60)
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url


def test_a_new_queue_of_an_old_name_is_empty(sqs: Any, new_name: Names, clock: BrokerClock, bodies: Call) -> None:
    """What was in a deleted queue does not come back with its name."""
    name = new_name()
    url = sqs.create_queue(QueueName=name, tags={"old": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.delete_queue(QueueUrl=url)
    clock.advance(61)
    sqs.create_queue(QueueName=name)
    assert bodies(url) == []
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


def test_whoever_waits_at_a_deleted_queue_is_told(sqs: Any, create: Call, waiting: Call, refusal: Call) -> None:
    """A long poll ends when its queue is deleted."""
    url = create()
    answer = waiting(refusal, sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    sqs.delete_queue(QueueUrl=url)
    assert answer.result(timeout=60)[0] == "AWS.SimpleQueueService.NonExistentQueue"


# Lists


def test_prefixes(sqs: Any, new_name: Names) -> None:
    """Fact 140: a prefix is case-sensitive, and no match leaves the key out."""
    prefix = f"List-{new_name()}-"
    urls = [sqs.create_queue(QueueName=f"{prefix}{letter}")["QueueUrl"] for letter in "ab"]
    other = sqs.create_queue(QueueName=f"other-{prefix}")["QueueUrl"]
    assert sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"] == urls
    assert {*urls, other} <= set(sqs.list_queues()["QueueUrls"])
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=prefix.lower())


@pytest.mark.parametrize("named", [{}, {"QueueName": ""}], ids=["no name", "empty name"])
def test_the_url_of_no_name(sqs: Any, refusal: Call, named: dict[str, str]) -> None:
    """GetQueueUrl without a name is refused for that, and does not look for a queue."""
    assert refusal(sqs.get_queue_url, **named) == (
        "InvalidParameterValue",
        "Value for parameter QueueName is invalid. Reason: Must specify a queue name.",
        400,
    )


def test_pages(sqs: Any, new_name: Names) -> None:
    """Fact 140: a token only with MaxResults, and only while more remain."""
    prefix = f"{new_name()}-page-"
    urls = [sqs.create_queue(QueueName=f"{prefix}{number}")["QueueUrl"] for number in range(10)]
    everything = sqs.list_queues(QueueNamePrefix=prefix)
    assert everything["QueueUrls"] == urls
    assert "NextToken" not in everything
    first = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2)
    assert first["QueueUrls"] == urls[:2]
    rest = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=10, NextToken=first["NextToken"])
    assert rest["QueueUrls"] == urls[2:]
    assert "NextToken" not in rest
    exact = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=8, NextToken=first["NextToken"])
    assert "NextToken" not in exact


@pytest.mark.parametrize("number", [-1, 1001])
def test_page_sizes(sqs: Any, refusal: Call, number: int) -> None:
    """Fact 140: between 1 and 1,000 queues a page."""
    assert refusal(sqs.list_queues, MaxResults=number) == (
        "InvalidParameterValue",
        "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000.",
        400,
    )


def test_no_page_size(sqs: Any, new_name: Names) -> None:
    """A MaxResults of 0 is as good as none."""
    name = new_name()
    sqs.create_queue(QueueName=name)
    answer = sqs.list_queues(QueueNamePrefix=name, MaxResults=0)
    assert len(answer["QueueUrls"]) == 1
    assert "NextToken" not in answer


def test_a_page_is_asked_for_as_the_one_before_it(sqs: Any, new_name: Names, refusal: Call) -> None:
    """A token goes with MaxResults and with the prefix of the page that it came with."""
    name = new_name()
    for letter in "ab":
        sqs.create_queue(QueueName=f"{name}-{letter}")
    token = sqs.list_queues(QueueNamePrefix=name, MaxResults=1)["NextToken"]
    for other, text in (
        ({"QueueNamePrefix": name}, "MaxResults is a mandatory parameter when you provide a value for NextToken."),
        (
            {"QueueNamePrefix": "z", "MaxResults": 1},
            "Invalid NextToken value. If you are passing in NextToken, you must not change the other request parameters.",
        ),
    ):
        assert refusal(sqs.list_queues, NextToken=token, **other) == ("InvalidParameterValue", text, 400)


def client_of(local: LocalBroker, protocol: str, region: str, key: str = "test") -> Any:
    """A client with a credential scope of its own."""
    if protocol == "json":
        return local.client(region_name=region, aws_access_key_id=key)
    return QueryClient(local.url, region, key)


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_regions(local: LocalBroker, protocol: str) -> None:
    """Fact 141: a name means another queue in another region, with another URL, whichever client uses that URL."""
    name = f"regional-{protocol}"
    east, west = (client_of(local, protocol, region) for region in ("us-east-1", "eu-west-3"))
    here, there = (client.create_queue(QueueName=name)["QueueUrl"] for client in (east, west))
    assert here != there
    assert east.get_queue_url(QueueName=name)["QueueUrl"] == here
    assert west.get_queue_url(QueueName=name)["QueueUrl"] == there
    assert west.list_queues(QueueNamePrefix=name)["QueueUrls"] == [there]
    west.send_message(QueueUrl=there, MessageBody="west")
    assert "Messages" not in east.receive_message(QueueUrl=here)
    assert west.receive_message(QueueUrl=there)["Messages"][0]["Body"] == "west"
    arn = west.get_queue_attributes(QueueUrl=there, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert arn == f"arn:aws:sqs:eu-west-3:000000000000:{name}"


@pytest.mark.parametrize("protocol", ["json", "query"])
@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-west-2", "aws")]
)
def test_partitions(local: LocalBroker, protocol: str, region: str, partition: str) -> None:
    """Fact 141: the ARNs of a region carry its partition, of queues and of those who may use them."""
    client = client_of(local, protocol, region)
    url = client.create_queue(QueueName=f"part-{protocol}")["QueueUrl"]
    client.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["QueueArn"] == f"arn:{partition}:sqs:{region}:000000000000:part-{protocol}"
    assert f'"AWS":"arn:{partition}:iam::111122223333:root"' in attributes["Policy"]
    policy = json.dumps({"deadLetterTargetArn": attributes["QueueArn"], "maxReceiveCount": 1})
    source = client.create_queue(QueueName=f"part-source-{protocol}", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    assert client.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"] == [source]


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_accounts(local: LocalBroker, protocol: str) -> None:
    """An access key of 12 digits is an account: a name of its own, seen by others with the owner's number."""
    name = f"owned-{protocol}"
    mine = client_of(local, protocol, "us-east-1", "111122223333")
    other = client_of(local, protocol, "us-east-1", "444455556666")
    url = mine.create_queue(QueueName=name)["QueueUrl"]
    assert url.endswith(f"/111122223333/{name}")
    assert "QueueUrls" not in other.list_queues(QueueNamePrefix=name)
    assert other.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="111122223333")["QueueUrl"] == url
    other.send_message(QueueUrl=url, MessageBody="across")
    assert mine.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "across"
