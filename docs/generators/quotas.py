"""reference/quotas.md: every limit that AWS publishes for SQS."""

from itertools import groupby

from docs.generators.markdown import NOTICE, code, table
from docs.generators.source import Constant, constants, described, limit

from crossdock.aws import quotas

HEAD = """# Quotas

The limits that AWS publishes for SQS. The broker has the same, but for what is told among [every known difference](../aws-differences.md). What
is limited beyond AWS, such as connections and bodies, stands in the [settings](settings.md). Source: `src/crossdock/aws/quotas.py`.
"""


def page() -> str:
    """The whole page."""
    sections = groupby(constants(quotas), key=lambda constant: constant.section)
    return NOTICE + HEAD + "".join(_section(name, list(found)) for name, found in sections)


def _section(name: str, found: list[Constant]) -> str:
    texts = described(quotas)
    rows = [(code(one.name), limit(one.value), _default(one.value), texts.get(one.name, "")) for one in found]
    return f"\n## {name.partition(',')[0]}\n\n{table(('name', 'limit', 'default', 'what'), rows)}"


def _default(value: object) -> str:
    return limit(value[2]) if isinstance(value, tuple) and len(value) == 3 else ""
