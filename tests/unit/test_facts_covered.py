"""Every fact that is on record about SQS is named by a test. Facts have numbers: "Fact 103: ..." in a docstring names one.

A fact is one observed or documented behaviour of AWS. Numbers are never given twice; a new fact gets the next one.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent.parent

FACTS = range(1, 151)

OUT_OF_SCOPE = {
    147: "CloudWatch has no front door in this broker",
    148: "where moto's tests contradict AWS: nothing to be like",
    149: "where MiniStack's tests contradict AWS: nothing to be like",
    150: "where LocalStack deviates from AWS: nothing to be like",
}
"""Facts without a test, and why."""

NAMED = re.compile(r"\bFacts? (\d+(?:(?:, | and |, and )\d+)*)")


def docstrings(path: Path) -> Iterator[str]:
    """The docstrings of a file and of all functions in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def named_facts(folder: Path) -> set[int]:
    """The numbers of all facts that tests below `folder` name."""
    texts = (text for path in folder.rglob("test_*.py") if path != Path(__file__) for text in docstrings(path))
    return {int(number) for text in texts for numbers in NAMED.findall(text) for number in re.findall(r"\d+", numbers)}


def test_every_fact_is_tested_or_out_of_scope() -> None:
    """Each number is named by a test or has a reason not to be; none has both, and no test names a number that does not exist."""
    named = named_facts(TESTS)
    assert sorted(set(FACTS) - named - OUT_OF_SCOPE.keys()) == []
    assert sorted(named & OUT_OF_SCOPE.keys()) == []
    assert sorted(named - set(FACTS)) == []


def test_every_fact_is_seen_on_the_wire() -> None:
    """The tests that talk to a broker over HTTP name every fact by themselves, but for limits too great to reach there."""
    unreachable = {92: "120,000 messages in flight"}
    on_the_wire = named_facts(TESTS / "contract" / "sqs")
    assert sorted(set(FACTS) - on_the_wire - OUT_OF_SCOPE.keys() - unreachable.keys()) == []
