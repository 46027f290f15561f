"""What the tests of the queue machine share."""

import pytest
from tests.unit.broker.queues.world import World


@pytest.fixture
def world() -> World:
    """An empty machine, a manual clock, a store double."""
    return World()
