"""What the composition root decides for the queue machine. AWS's own limits stand in `aws/quotas.py`, not here."""

from dataclasses import dataclass

from crossdock.aws.quotas import IN_FLIGHT_MAX


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """How much the machine holds in memory. Sizes in bytes, windows in messages."""

    home_region: str = "us-east-1"
    """The region whose queue URLs carry no region."""
    window: int = 4_096
    """Untouched visible messages that a standard queue keeps resident; the rest stays in the store."""
    lookahead: int = IN_FLIGHT_MAX
    """The same for queues that look for a free group (FIFO) or a quiet tenant (fair): as far as AWS looks."""
    messages_max: int = 200_000
    """Messages held in memory over all queues. From then on standard queues leave to the store what they touched, and all windows shrink."""
    reserve: int = 100
    """So many messages that can be received, and so many touched ones, a standard queue keeps even then."""
    content_bytes_max: int = 32 * 1024 * 1024
    """Contents held in memory over all queues."""
    waiters_max: int = 20_000
    """Long polls that may wait at one time, over all queues."""
