"""A line of messages, short or long: most message groups and tenants have one message at a time, some have a hundred thousand.

A list of a few takes a tenth of the memory of a deque, and a long list is slow to take from the front: so it is a list until it is long.
Both are used by `append`, `line[0]` and `del line[0]`.
"""

from collections import deque

from crossdock.broker.queues.message import Message

Line = list[Message] | deque[Message]

_LONG = 32


def appended(line: Line, message: Message) -> Line:
    """The line with one more at its end: the same object, or the one that takes its place."""
    if len(line) == _LONG and isinstance(line, list):
        line = deque(line)
    line.append(message)
    return line
