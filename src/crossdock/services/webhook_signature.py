"""The signature of the payment provider's webhooks: HMAC-SHA256 over time and body, as the large providers do it.

The header reads `t=<seconds since 1970>,v1=<hexadecimal digest of "<t>.<body>">`. Both sides hold the same secret.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "Provider-Signature"
TOLERANCE_S: Final = 300
"""An older signature is refused, so that a recorded request cannot be played back for ever."""


def sign(secret: str, body: bytes, now_ms: int) -> str:
    """The value of the header."""
    seconds = now_ms // 1000
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def verify(secret: str, body: bytes, header: str, now_ms: int) -> bool:
    """Whether the header is genuine and fresh; False for anything malformed."""
    time_part, _, digest_part = header.partition(",")
    seconds = time_part.removeprefix("t=")
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 16):
        return False
    if abs(now_ms // 1000 - int(seconds)) > TOLERANCE_S:
        return False
    return hmac.compare_digest(f"v1={_digest(secret, int(seconds), body)}".encode(), digest_part.encode())


def _digest(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d.%s" % (seconds, body), hashlib.sha256).hexdigest()
