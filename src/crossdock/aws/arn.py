"""Amazon Resource Names and queue URLs: how SQS names a queue to the outside."""

import re
from typing import NamedTuple
from urllib.parse import unquote

PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-isob-", "aws-iso-b"), ("us-iso-", "aws-iso"))
"""How the names of regions begin that are not in the partition `aws`."""

_REGION = re.compile("[a-z]{2,}(-[a-z]+)+-[0-9]+")
"""How AWS calls its regions; the server takes any name."""


def partition_of(region: str) -> str:
    """The partition that a region belongs to: `aws` for most."""
    return next((partition for beginning, partition in PARTITIONS if region.startswith(beginning)), "aws")


class QueueName(NamedTuple):
    """The full name of a queue: its account (12 digits), its region, and its name within both."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:{partition_of(self.region)}:sqs:{self.region}:{self.account}:{self.name}"


def parse_queue_arn(arn: str) -> QueueName | None:
    """Read `arn:aws:sqs:region:account:name`; None when it is not the ARN of a queue."""
    parts = arn.split(":")
    if len(parts) != 6 or not all(parts):
        return None
    prefix, partition, service, region, account, name = parts
    if (prefix, partition, service) != ("arn", partition_of(region), "sqs"):
        return None
    return QueueName(account, region, name)


def queue_url(base_url: str, queue: QueueName, home_region: str) -> str:
    """The URL of a queue below `base_url` (no slash at its end).

    AWS tells regions apart by host name. One server on one port has no such host names, so a queue outside the server's home
    region carries its region as a first path part; clients read the last two parts only.
    """
    region = "" if queue.region == home_region else f"/{queue.region}"
    return f"{base_url}{region}/{queue.account}/{queue.name}"


def parse_queue_url(url: str, account: str, region: str) -> list[QueueName]:
    """The queues that a `QueueUrl` parameter may mean, for a caller of `account` in `region`: the first that exists is meant.

    The last two path parts are account and name, whatever the host; a bare name means the caller's own queue; a third part from
    the end is the region, as `queue_url` writes it, or a part of the server's own address if no region is called like that. What is no
    URL at all means a queue that does not exist.
    """
    _, scheme_mark, rest = url.partition("://")
    path = rest.partition("?")[0].partition("/")[2] if scheme_mark else url
    parts = [unquote(part) if "%" in part else part for part in path.split("/") if part]
    match parts:
        case []:
            return [QueueName(account, region, "")]
        case [name]:
            return [QueueName(account, region, name)]
        case [url_account, name]:
            return [QueueName(url_account, region, name)]
        case [*_, before, url_account, name]:
            regions = [before] if _REGION.fullmatch(before) else [before, region]
            return [QueueName(url_account, one, name) for one in regions]
    raise AssertionError("unreachable")
