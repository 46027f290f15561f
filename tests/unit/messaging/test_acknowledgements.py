"""Deletes in batches: whatever goes wrong, whoever waits for one is told."""

import asyncio

from tests.unit.messaging.fake_sqs import FakeSqs

from crossdock.messaging.acknowledgements import Acknowledgements


async def test_deletes_gather_while_one_is_under_way() -> None:
    """What comes while a call is under way goes in the next."""
    sqs = FakeSqs()
    acknowledgements = Acknowledgements(sqs, "url")  # type: ignore[arg-type]
    first = acknowledgements.delete("a")
    await asyncio.sleep(0.005)
    more = [acknowledgements.delete(handle) for handle in "bcd"]
    assert await asyncio.gather(first, *more) == [True] * 4
    await acknowledgements.close()
    assert sqs.deleted == ["a", "b", "c", "d"]


async def test_a_failed_call_leaves_nobody_waiting() -> None:
    """A call that fails in an unforeseen way confirms nothing; the next one is made all the same."""
    sqs = FakeSqs()
    acknowledgements = Acknowledgements(sqs, "url")  # type: ignore[arg-type]
    sqs.fail_delete = RuntimeError("a fault")
    async with asyncio.timeout(60):
        assert await acknowledgements.delete("a") is False
        await acknowledgements.close()
        sqs.fail_delete = None
        assert await acknowledgements.delete("b") is True
        await acknowledgements.close()
    assert sqs.deleted == ["b"]
