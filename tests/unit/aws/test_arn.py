"""Names of queues: ARNs and URLs."""

import pytest

from crossdock.aws.arn import QueueName, parse_queue_arn, parse_queue_url, queue_url

ORDERS = QueueName("123456789012", "eu-west-1", "orders.fifo")


def test_arns() -> None:
    """The ARN of a queue is read back to its name; other ARNs and texts are none."""
    assert parse_queue_arn("arn:aws:sqs:eu-west-1:123456789012:orders.fifo") == ORDERS
    for text in ("", "orders", "arn:aws:sns:eu-west-1:123456789012:orders", "arn:aws:sqs:eu-west-1:123456789012:"):
        assert parse_queue_arn(text) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("orders.fifo", ORDERS),
        ("/123456789012/orders.fifo", ORDERS),
        ("/123456789012/orders.fifo/", ORDERS),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo", ORDERS),
        ("http://nonsense.example:1/123456789012/orders.fifo?x=y", ORDERS),
        ("http://127.0.0.1:9324/eu-central-1/123456789012/q", QueueName("123456789012", "eu-central-1", "q")),
        ("http://127.0.0.1:9324/000000000000/q%2Fr", QueueName("000000000000", "eu-west-1", "q/r")),
        ("http://127.0.0.1:9324/", QueueName("123456789012", "eu-west-1", "")),
        ("", QueueName("123456789012", "eu-west-1", "")),
    ],
)
def test_urls_mean_queues(url: str, name: QueueName) -> None:
    """B16, B17: the last two path parts count, whatever the host; a bare name is the caller's own queue."""
    assert parse_queue_url(url, "123456789012", "eu-west-1") == [name]


def test_a_third_part_that_may_be_a_region() -> None:
    """What AWS would not call a region may be one here, or a part of the address that a proxy has given the server."""
    url = "http://proxy.example/sqs/123456789012/q"
    assert parse_queue_url(url, "123456789012", "eu-west-1") == [
        QueueName("123456789012", "sqs", "q"),
        QueueName("123456789012", "eu-west-1", "q"),
    ]


@pytest.mark.parametrize("home_region", ["eu-west-1", "us-east-1"])
def test_urls_come_back(home_region: str) -> None:
    """The URL that a queue is given means that queue again, in the server's home region and in others."""
    url = queue_url("http://127.0.0.1:9324", ORDERS, home_region)
    assert parse_queue_url(url, "999999999999", home_region) == [ORDERS]


@pytest.mark.parametrize(
    "url", ["http://[", "http://[::1/a", "http://a]/b/c", "//[", "://", "\x00", "http://\u2100/a/b"]
)
def test_urls_that_are_none(url: str) -> None:
    """A text that is no URL means some queue that does not exist, and never raises."""
    assert all(isinstance(name, QueueName) for name in parse_queue_url(url, "123456789012", "eu-west-1"))
