"""Fair queues: noisy tenants, quiet tenants."""

from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs


def flood(world: World, url: str, group: str, count: int) -> None:
    for number in range(count):
        world.send(url, f"{group}{number}", message_group_id=group)


def take(world: World, url: str, count: int) -> list[sqs.Message]:
    """Receive one at a time."""
    taken: list[sqs.Message] = []
    while len(taken) < count and (message := world.receive(url, 1)):
        taken += message
    return taken


def test_order_without_noise(world: World) -> None:
    """While nobody is noisy, the order is that of arrival."""
    url = world.create()
    for number in range(20):
        world.send(url, str(number), **({"message_group_id": str(number % 3)} if number % 4 else {}))
    assert [message.body for message in take(world, url, 20)] == [str(number) for number in range(20)]


def test_noisy_by_messages_in_flight(world: World) -> None:
    """Above 10 % of what is in flight, and 30 at least, a tenant is noisy: quiet ones come first."""
    url = world.create(VisibilityTimeout=600)
    flood(world, url, "noisy", 100)
    flood(world, url, "quiet", 3)
    bodies = [message.body for message in take(world, url, 40)]
    assert bodies[:30] == [f"noisy{number}" for number in range(30)]
    assert bodies[30:33] == ["quiet0", "quiet1", "quiet2"]
    assert bodies[33:] == [f"noisy{number}" for number in range(30, 37)]


def test_thirty_are_not_noisy_below_a_tenth(world: World) -> None:
    """A tenant with 30 in flight is quiet as long as that is no more than a tenth of all."""
    url = world.create(VisibilityTimeout=600)
    for number in range(400):
        world.send(url, f"single{number}", message_group_id=f"s{number}")
    take(world, url, 400)
    flood(world, url, "big", 41)
    flood(world, url, "late", 1)
    bodies = [message.body for message in take(world, url, 42)]
    assert bodies == [*(f"big{number}" for number in range(41)), "late0"]


def test_messages_without_a_group_are_quiet(world: World) -> None:
    """A message without a group is its own tenant."""
    url = world.create(VisibilityTimeout=600)
    flood(world, url, "noisy", 100)
    for number in range(50):
        world.send(url, f"plain{number}")
    take(world, url, 30)
    assert [message.body for message in take(world, url, 50)] == [f"plain{number}" for number in range(50)]
    assert world.bodies(url, 1) == ["noisy30"]


def test_the_less_noisy_first(world: World) -> None:
    """Of several noisy tenants the one with the fewest messages in flight comes first."""
    url = world.create(VisibilityTimeout=600)
    flood(world, url, "a", 60)
    take(world, url, 50)
    flood(world, url, "b", 60)
    bodies = [message.body for message in take(world, url, 70)]
    assert bodies[:50] == [f"b{number}" for number in range(50)]
    assert {body[0] for body in bodies[50:52]} == {"a", "b"}


def test_quiet_again_when_nothing_is_left(world: World) -> None:
    """A tenant whose backlog is used up starts anew."""
    url = world.create(VisibilityTimeout=600)
    flood(world, url, "noisy", 40)
    for message in take(world, url, 40):
        world.delete(url, message)
    assert world.machine.census(world.now_ms)[0].noisy_tenants <= 1
    flood(world, url, "noisy", 2)
    flood(world, url, "quiet", 1)
    assert [message.body for message in take(world, url, 3)] == ["noisy0", "noisy1", "quiet0"]


def test_quiet_again_after_five_minutes_without_a_send(world: World) -> None:
    """A tenant that sent nothing for five minutes is no longer noisy."""
    url = world.create(VisibilityTimeout=3_600)
    flood(world, url, "noisy", 100)
    take(world, url, 40)
    world.advance(299_999)
    flood(world, url, "quiet", 2)
    assert world.bodies(url, 1) == ["quiet0"]
    world.advance(1)
    assert world.bodies(url, 1) == ["noisy40"]


def test_noisy_by_processing_time(world: World) -> None:
    """A tenant that uses more than a tenth of the recent processing time is noisy, however few messages it has in flight."""
    url = world.create(VisibilityTimeout=3_600)
    flood(world, url, "slow", 10)
    flood(world, url, "quick", 1)
    bodies = []
    for _ in range(4):
        message = world.receive(url, 1)[0]
        bodies.append(message.body)
        world.advance(20_000)
        world.delete(url, message)
    assert bodies == ["slow0", "slow1", "quick0", "slow2"]


def test_returned_messages_keep_their_tenant(world: World) -> None:
    """What comes back is given again before newer messages of its tenant, once."""
    url = world.create(VisibilityTimeout=1)
    flood(world, url, "g", 3)
    assert world.bodies(url, 2) == ["g0", "g1"]
    world.advance(1_000)
    assert [message.body for message in take(world, url, 4)] == ["g0", "g1", "g2"]


def test_becomes_fair_in_mid_life(world: World) -> None:
    """With the first message that names a tenant the queue becomes a fair one; what is there keeps its place."""
    url = world.create(VisibilityTimeout=1)
    for body in ("a", "b", "c"):
        world.send(url, body)
    world.send(url, "later", delay_seconds=1)
    world.receive(url, 1)
    held = world.receive(url, 1, visibility_timeout=600)
    world.send(url, "grouped", message_group_id="g")
    world.advance(1_000)
    assert world.bodies(url) == ["a", "c", "later", "grouped"]
    world.delete(url, held[0])


def test_a_quiet_tenant_is_unharmed_by_a_flood(world: World) -> None:
    """A quiet tenant waits for a free consumer and no longer, while another sends ten times what the consumers can take."""
    url = world.create(VisibilityTimeout=600)
    waited_ms: list[int] = []
    working: list[tuple[int, sqs.Message]] = []
    started = 0
    for tenth in range(1_200):
        if tenth % 10 == 0:
            flood(world, url, "flood", 100)
        if tenth % 20 == 0:
            world.send(url, str(world.now_ms), message_group_id="quiet")
        world.advance(100)
        for done in [entry for entry in working if entry[0] <= world.now_ms]:
            working.remove(done)
            world.delete(url, done[1])
        while len(working) < 50 and (messages := world.receive(url, 1)):
            started += 1
            working.append((world.now_ms + 2_000 + 600 * (started % 11), messages[0]))
            if messages[0].body.isdigit():
                waited_ms.append(world.now_ms - int(messages[0].body))
    assert world.counts(url)[0] > 9_000
    assert len(waited_ms) >= 59
    assert sorted(waited_ms)[len(waited_ms) // 2] <= 200
    assert max(waited_ms) <= 2_500
