"""The broker's settings: one frozen object, from which the command line's flags and the environment's variables derive.

Limits that are ours, not AWS's, stand here; AWS's stand in `aws/quotas.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from crossdock.aws.quotas import BATCH_BYTES_MAX


class Durability(StrEnum):
    """What an acknowledgement promises."""

    DURABLE = "durable"
    """It is on disk (fsync) before the answer leaves."""
    RELAXED = "relaxed"
    """It is on disk `relaxed_sync_ms` later at the most: a power cut loses no more than that; a kill of the process loses nothing."""
    MEMORY = "memory"
    """It is in memory and gone with the process. For tests."""


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """How to run a broker. Sizes in bytes, times in ms."""

    host: str = "127.0.0.1"
    port: int = 9324
    data: Path | None = None
    """The data folder; None only with `Durability.MEMORY`."""
    durability: Durability = Durability.DURABLE
    public_url: str | None = None
    """What queue URLs begin with, such as https://sqs.example.com; None: the scheme and host that the client used."""
    region: str = "us-east-1"
    """The home region: of clients that sign with none, and the one whose queue URLs carry no region."""
    account: str = "000000000000"
    """The account of access keys that are not themselves 12 digits."""
    credentials: Path | None = None
    """A JSON file of access keys and their secrets: with it, every request must be signed by one of them."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    manual_clock: bool = False
    """Time stands still until POST /clock moves it."""

    relaxed_sync_ms: int = 100
    """How much a power cut may lose in the mode `relaxed`."""
    lag_ms: int = 50
    """How long facts that no answer waits for may stay off the disk."""
    quiet_ms: int = 5_000
    """After so long without a commit, and at the most twice as long, the journal is folded into the tables."""
    drain_ms: int = 5_000
    """How long answers under way may take after SIGTERM."""
    free_space_min: int = 256 * 1024 * 1024
    """Below so much free disk space sends are refused; receives and deletes go on."""
    connections_max: int = 10_000
    """Open connections; one more is refused."""
    body_bytes_max: int = 6 * BATCH_BYTES_MAX + 64 * 1024
    """A batch of BATCH_BYTES_MAX, each byte of it written as `\\u0000` at worst, and what surrounds it."""
    waiters_max: int = 20_000
    """Long polls that may wait at one time, over all queues."""
    content_bytes_max: int = 32 * 1024 * 1024
    """Bodies held in memory over all queues; the rest stays on disk."""

    def __post_init__(self) -> None:
        if self.data is None and self.durability is not Durability.MEMORY:
            raise ValueError("a durable broker needs a data folder")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("TLS needs a certificate and its key")
        if not (len(self.account) == 12 and self.account.isascii() and self.account.isdigit()):
            raise ValueError(f"an account has 12 digits, unlike {self.account!r}")
        if not self.region:
            raise ValueError("the home region needs a name, such as us-east-1")
        if self.public_url is not None and not self.public_url.startswith(("http://", "https://")):
            raise ValueError(f"a public URL begins with http:// or https://, unlike {self.public_url!r}")
