"""Queues: creating, finding, listing, changing and deleting them."""

import pytest
from tests.unit.broker.queues.world import CALLER, World

from crossdock.aws.api import sqs
from crossdock.aws.errors import (
    ApiError,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidParameterValue,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
)
from crossdock.broker.outcome import Caller

OTHER_REGION = Caller("000000000000", "eu-west-1", "AIDAEXAMPLE", CALLER.base_url)
OTHER_ACCOUNT = Caller("111111111111", "us-east-1", "AIDAOTHER", CALLER.base_url)

ON_A_QUEUE = [
    lambda url: sqs.GetQueueAttributes(url, ["All"]),
    lambda url: sqs.SetQueueAttributes(url, {"DelaySeconds": "1"}),
    lambda url: sqs.SendMessage(url, "x"),
    lambda url: sqs.SendMessageBatch(url, [sqs.SendMessageBatchRequestEntry("a", "x")]),
    lambda url: sqs.ReceiveMessage(url),
    lambda url: sqs.DeleteMessage(url, "garbage"),
    lambda url: sqs.ChangeMessageVisibility(url, "garbage", 1),
    lambda url: sqs.TagQueue(url, {"a": "b"}),
    lambda url: sqs.UntagQueue(url, ["a"]),
    lambda url: sqs.ListQueueTags(url),
    lambda url: sqs.PurgeQueue(url),
    lambda url: sqs.DeleteQueue(url),
]


@pytest.mark.parametrize("command", ON_A_QUEUE)
def test_unknown_queue(world: World, command) -> None:  # type: ignore[no-untyped-def]
    """Facts 5 and 6: every action on an unknown queue says so, before it looks at anything else."""
    with pytest.raises(QueueDoesNotExist, match=r"^The specified queue does not exist\.$"):
        world.call(command("http://localhost/000000000000/nowhere"))
    assert world.last.facts == []


@pytest.mark.parametrize(
    "url",
    [
        "q",
        "https://queue.amazonaws.com/000000000000/q",
        "https://sqs.eu-west-1.amazonaws.com/000000000000/q",
        "http://x/000000000000/q",
    ],
)
def test_queue_urls(world: World, url: str) -> None:
    """Facts 16 and 17: a bare name will do, and so will any host."""
    world.create("q")
    assert world.send(url).message_id


def test_one_url(world: World) -> None:
    """Fact 18: GetQueueUrl and ListQueues give the URL that CreateQueue gave."""
    url = world.create("q")
    assert url == "http://localhost:9324/000000000000/q"
    assert world.call(sqs.GetQueueUrl("q")).queue_url == url
    assert world.call(sqs.ListQueues()).queue_urls == [url]


def test_get_queue_url_of_another_account(world: World) -> None:
    """GetQueueUrl finds a queue of the account that it names, and only that."""
    world.call(sqs.CreateQueue("q"), OTHER_ACCOUNT)
    assert world.call(sqs.GetQueueUrl("q", "111111111111")).queue_url.endswith("/111111111111/q")
    with pytest.raises(QueueDoesNotExist):
        world.call(sqs.GetQueueUrl("q"))


def test_create_again(world: World) -> None:
    """Facts 25 and 26: a repeated call finds the queue if what it asks for is so at the present."""
    url = world.create("q", DelaySeconds=1)
    assert world.create("q") == world.create("q", DelaySeconds=1) == url
    world.call(sqs.SetQueueAttributes(url, {"DelaySeconds": "2"}))
    assert world.create("q", DelaySeconds=2) == url
    with pytest.raises(QueueNameExists):
        world.create("q", DelaySeconds=1)


def test_create_with_other_attributes(world: World) -> None:
    """Fact 27: a differing attribute is named."""
    world.create("q", DelaySeconds=1)
    with pytest.raises(QueueNameExists) as raised:
        world.create("q", DelaySeconds=2)
    assert raised.value.message == (
        "A queue already exists with the same name and a different value for attribute DelaySeconds"
    )


def test_counts_are_not_compared(world: World) -> None:
    """Fact 28: messages and timestamps do not make a repeated CreateQueue differ."""
    url = world.create("q", DelaySeconds=0)
    world.send(url)
    world.advance(5_000)
    assert world.create("q", DelaySeconds=0) == url


def test_deleted_recently(world: World) -> None:
    """Fact 29: a name is barred for 60 seconds after its queue was deleted."""
    url = world.create("q")
    world.call(sqs.DeleteQueue(url))
    world.advance(59_999)
    with pytest.raises(QueueDeletedRecently, match="You must wait 60 seconds after deleting a queue"):
        world.create("q")
    world.advance(1)
    assert world.create("q") == url


def test_the_bar_outlives_a_restart(world: World) -> None:
    """A restart does not lift the bar on a name."""
    world.call(sqs.DeleteQueue(world.create("q")))
    world.restart()
    with pytest.raises(QueueDeletedRecently):
        world.create("q")


def test_deleted_with_its_messages(world: World) -> None:
    """A queue that is created anew has nothing of the one before it, and handles of that one are not its own."""
    url = world.create("q")
    world.send(url, "old")
    message = world.receive(url)[0]
    world.call(sqs.DeleteQueue(url))
    world.advance(60_000)
    world.create("q")
    assert world.counts(url) == (0, 0, 0)
    with pytest.raises(ApiError) as raised:
        world.delete(url, message)
    assert raised.value.code == "ReceiptHandleIsInvalid"


def test_tags(world: World) -> None:
    """Facts 30 and 142: tags at creation, empty values, overwriting, removal of unknown keys, none at all."""
    url = world.call(sqs.CreateQueue("q", None, {"a": "1"})).queue_url
    world.call(sqs.TagQueue(url, {"a": "2", "A": "", "b": "3"}))
    assert world.call(sqs.ListQueueTags(url)).tags == {"a": "2", "A": "", "b": "3"}
    world.call(sqs.UntagQueue(url, ["a", "A", "b", "unknown"]))
    assert world.call(sqs.ListQueueTags(url)).tags is None


def test_attributes_of_a_new_queue(world: World) -> None:
    """Facts 31 and 35: the defaults, all of them strings, times in seconds."""
    world.create("q")
    second = str(world.now_ms // 1_000)
    assert world.attributes("q") == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "CreatedTimestamp": second,
        "LastModifiedTimestamp": second,
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": "arn:aws:sqs:us-east-1:000000000000:q",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


def test_attributes_of_a_fifo_queue(world: World) -> None:
    """Fact 32: what a FIFO queue shows besides."""
    world.create("q.fifo")
    shown = world.attributes("q.fifo")
    names = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
    assert [shown[name] for name in names] == ["true", "false", "queue", "perQueue"]


def test_modified(world: World) -> None:
    """A change of attributes shows in LastModifiedTimestamp, and an empty value takes an attribute away (fact 39)."""
    url = world.create("q")
    world.advance(7_000)
    world.call(sqs.SetQueueAttributes(url, {"VisibilityTimeout": "5", "RedrivePolicy": ""}))
    shown = world.attributes(url)
    assert int(shown["LastModifiedTimestamp"]) - int(shown["CreatedTimestamp"]) == 7
    assert shown["VisibilityTimeout"] == "5"
    assert "RedrivePolicy" not in shown


def test_nothing_asked(world: World) -> None:
    """Fact 36: no names, or only one that is not set: no attributes at all."""
    url = world.create("q")
    assert world.call(sqs.GetQueueAttributes(url)).attributes is None
    assert world.call(sqs.GetQueueAttributes(url, ["Policy"])).attributes is None


def test_unknown_attribute(world: World) -> None:
    """Fact 37: an unknown name is refused."""
    url = world.create("q")
    with pytest.raises(InvalidAttributeName, match=r"^Unknown Attribute Foobar\.$"):
        world.call(sqs.GetQueueAttributes(url, ["Foobar"]))


def test_a_refused_change_changes_nothing(world: World) -> None:
    """An invalid attribute beside valid ones leaves the queue as it was, and nothing is written."""
    url = world.create("q")
    before = world.attributes(url)
    with pytest.raises(InvalidAttributeValue):
        world.call(sqs.SetQueueAttributes(url, {"DelaySeconds": "3", "VisibilityTimeout": "43201"}))
    assert world.last.facts == []
    assert world.attributes(url) == before


def test_permissions(world: World) -> None:
    """Facts 143 and 145: AddPermission writes a policy, and removing the last statement takes it away."""
    url = world.create("q")
    world.call(sqs.AddPermission(url, "one", ["111111111111"], ["ReceiveMessage"]))
    assert '"Sid":"one"' in world.attributes(url)["Policy"]
    world.call(sqs.RemovePermission(url, "one"))
    assert "Policy" not in world.attributes(url)


# Lists


def test_list_by_prefix(world: World) -> None:
    """Fact 140: prefixes are case-sensitive, the order is that of names, and no match is no list."""
    for name in ("b2", "b1", "B3"):
        world.create(name)
    urls = world.call(sqs.ListQueues(queue_name_prefix="b")).queue_urls
    assert [url.rsplit("/", 1)[1] for url in urls] == ["b1", "b2"]
    assert world.call(sqs.ListQueues(queue_name_prefix="x")).queue_urls is None


def test_list_in_pages(world: World) -> None:
    """Fact 140: pages when MaxResults is given, and no token with the last."""
    for number in range(5):
        world.create(f"q{number}")
    seen: list[str] = []
    token = None
    sizes = []
    while True:
        page = world.call(sqs.ListQueues(max_results=2, next_token=token))
        seen += page.queue_urls
        sizes.append(len(page.queue_urls))
        token = page.next_token
        if token is None:
            break
    assert sizes == [2, 2, 1]
    assert len(set(seen)) == 5
    assert world.call(sqs.ListQueues()).next_token is None


@pytest.mark.parametrize("limit", [-1, 1_001])
def test_list_limits(world: World, limit: int) -> None:
    """MaxResults is 1 to 1,000, or 0 for none, and a token must be one."""
    with pytest.raises(InvalidParameterValue):
        world.call(sqs.ListQueues(max_results=limit))
    with pytest.raises(InvalidParameterValue):
        world.call(sqs.ListQueues(max_results=1, next_token="é"))


def test_regions_and_accounts(world: World) -> None:
    """Fact 141: queues of one name in two regions, or accounts, have nothing to do with each other."""
    here = world.create("q")
    there = world.call(sqs.CreateQueue("q"), OTHER_REGION).queue_url
    theirs = world.call(sqs.CreateQueue("q"), OTHER_ACCOUNT).queue_url
    assert len({here, there, theirs}) == 3
    world.call(sqs.SendMessage(there, "there"), OTHER_REGION)
    assert world.bodies(here) == []
    assert world.bodies(there) == ["there"]
    assert world.call(sqs.ListQueues(), OTHER_REGION).queue_urls == [there]


# Purge


def test_purge(world: World) -> None:
    """Fact 123: visible, in-flight and delayed messages go; what is sent afterwards stays."""
    url = world.create("q")
    world.send(url, "in flight")
    held = world.receive(url)[0]
    world.send(url, "visible")
    world.send(url, "delayed", delay_seconds=5)
    world.call(sqs.PurgeQueue(url))
    world.send(url, "later")
    world.advance(60_000)
    assert world.bodies(url) == ["later"]
    world.delete(url, held)


def test_purge_again(world: World) -> None:
    """Fact 124: a second purge must wait 60 seconds, also after a restart."""
    url = world.create("q")
    world.call(sqs.PurgeQueue(url))
    world.restart()
    world.advance(59_999)
    with pytest.raises(
        PurgeQueueInProgress, match=r"^Only one PurgeQueue operation on q is allowed every 60 seconds\.$"
    ):
        world.call(sqs.PurgeQueue(url))
    world.advance(1)
    world.call(sqs.PurgeQueue(url))
