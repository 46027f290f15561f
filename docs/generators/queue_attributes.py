"""reference/queue-attributes.md: the attributes of queues."""

import re

from docs.generators.markdown import NOTICE, code, table
from docs.generators.source import limit, with_limits

from crossdock.aws import quotas
from crossdock.aws.api.sqs import QUEUE_ATTRIBUTES
from crossdock.broker.queues.attributes import LIVE, SETTABLE

HEAD = """# Queue attributes

What [CreateQueue](actions.md#createqueue) and [SetQueueAttributes](actions.md#setqueueattributes) take and
[GetQueueAttributes](actions.md#getqueueattributes) answers. Every value is a string. Source: `src/crossdock/broker/queues/attributes.py`.

## Set by you

An attribute without a default is listed only when it is set; setting it to the empty string removes it.
"""

READ_ONLY = """
## Read only

"""


def page() -> str:
    """The whole page."""
    rows = [
        (
            code(name),
            _values(name),
            "" if one.optional and not one.default else code(one.default),
            _kind(one.fifo),
            _what(name),
        )
        for name, one in SETTABLE.items()
    ]
    live = [(code(name), _what(name)) for name in LIVE]
    columns = ("attribute", "values", "default", "queues", "what")
    return NOTICE + HEAD + "\n" + table(columns, rows) + READ_ONLY + table(("attribute", "what"), live)


def _what(name: str) -> str:
    return with_limits(QUEUE_ATTRIBUTES[name])


def _kind(fifo: bool) -> str:
    return "FIFO" if fifo else "all"


def _values(name: str) -> str:
    """The limits of a number, which stand under the attribute's name among the quotas."""
    quota = getattr(quotas, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper(), None)
    return limit(quota) if quota else ""
