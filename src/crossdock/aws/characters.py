"""The characters that SQS takes in a text: those that XML 1.0 can carry, since the Query protocol answers in it."""

import re

REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Finds a character outside of #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."""
