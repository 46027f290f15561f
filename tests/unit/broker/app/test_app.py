"""A whole broker in this process: what it does by itself, and what its operator sees of it."""

import asyncio

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.broker.app.conftest import Start
from tests.unit.broker.server.conftest import until


async def test_an_idle_broker_folds_its_journal(start: Start) -> None:
    """A while after the last commit; and then it has no timer any more."""
    running = await start(quiet_ms=5)
    queue = (await running.client.call("CreateQueue", QueueName="q")).json()["QueueUrl"]
    await running.client.call("SendMessage", QueueUrl=queue, MessageBody="x")
    store = running.broker.store
    await until(lambda: running.broker.idle_fold._timer is None)
    assert store.metrics.folds > 0
    assert not store.folding
    assert not store._layers.live.inserted


def families(page: bytes) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """The metrics page by Prometheus's own parser: sample name → labels → value."""
    samples: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(page.decode()):
        assert family.documentation
        assert family.type != "unknown"
        for sample in family.samples:
            of = frozenset(sample.labels.items())
            assert of not in samples.setdefault(sample.name, {}), "a sample is there once"
            samples[sample.name][of] = sample.value
    return samples


async def test_the_metrics_tell_what_happened(start: Start) -> None:
    """Per queue, per request, of commits, connections, disk and process."""
    running = await start(manual_clock=True)
    await running.client.call("CreateQueue", QueueName="dead")
    policy = '{"maxReceiveCount": "1", "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"}'
    attributes = {"VisibilityTimeout": "30", "RedrivePolicy": policy}
    queue = (await running.client.call("CreateQueue", QueueName="q", Attributes=attributes)).json()["QueueUrl"]
    await running.client.call("ReceiveMessage", QueueUrl=queue)
    for body, delay_s in (("one", 0), ("two!", 0), ("three", 0), ("late", 60)):
        await running.client.call("SendMessage", QueueUrl=queue, MessageBody=body, DelaySeconds=delay_s)
    received = [(await running.client.call("ReceiveMessage", QueueUrl=queue)).json()["Messages"][0] for _ in range(2)]
    await running.client.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=received[0]["ReceiptHandle"])
    running.client.post("/clock", b'{"advance_ms": 31000}')
    await running.client.answer()
    await running.client.call("ReceiveMessage", QueueUrl=queue)
    await running.client.call("DeleteMessage", QueueUrl=queue, ReceiptHandle="nonsense")
    await running.client.call("SendMessage", QueueUrl=f"{queue}-unknown", MessageBody="x")
    await running.client.call("Brew")
    answer = await running.client.look("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = families(answer.body)
    ours = frozenset({("account", "000000000000"), ("region", "us-east-1"), ("queue", "q")})
    of_queue = {name: values[ours] for name, values in samples.items() if ours in values}
    assert of_queue == {
        "crossdock_queue_visible_messages": 0,
        "crossdock_queue_in_flight_messages": 1,
        "crossdock_queue_delayed_messages": 1,
        "crossdock_queue_resident_messages": 2,
        "crossdock_queue_noisy_tenants": 0,
        "crossdock_queue_oldest_message_age_seconds": 31,
        "crossdock_queue_messages_sent_total": 4,
        "crossdock_queue_sent_bytes_total": 16,
        "crossdock_queue_messages_deduplicated_total": 0,
        "crossdock_queue_messages_received_total": 3,
        "crossdock_queue_empty_receives_total": 1,
        "crossdock_queue_messages_deleted_total": 1,
        "crossdock_queue_messages_dead_lettered_total": 1,
    }
    requests = {tuple(sorted(dict(of).items())): value for of, value in samples["crossdock_requests_total"].items()}

    def answered(action: str, status: str = "200", error: str = "") -> float:
        return requests.pop((("action", action), ("error", error), ("status", status)))

    assert answered("CreateQueue") == 2
    assert answered("SendMessage") == 4
    assert answered("SendMessage", "400", "AWS.SimpleQueueService.NonExistentQueue") == 1
    assert answered("ReceiveMessage") == 4
    assert answered("DeleteMessage") == 1
    assert answered("DeleteMessage", "404", "ReceiptHandleIsInvalid") == 1
    assert sum(requests.values()) == 1
    assert {dict(of)["action"] for of in samples["crossdock_requests_total"]} >= {"unknown"}
    one = {name: values[frozenset()] for name, values in samples.items() if frozenset() in values}
    assert one["crossdock_connections"] == one["crossdock_connections_accepted_total"] == 1
    assert one["crossdock_open_requests"] == 1, "the one for the page"
    assert one["crossdock_commit_duration_seconds_count"] == one["crossdock_commit_facts_count"] > 0
    assert 0 < one["crossdock_commit_duration_seconds_sum"] < 60
    assert one["crossdock_data_bytes"] > one["crossdock_journal_written_bytes_total"] > 0
    assert one["crossdock_disk_free_bytes"] > 0
    assert one["process_resident_memory_bytes"] > 10_000_000
    assert one["process_open_fds"] <= one["process_max_fds"]


async def test_a_region_may_have_any_name(start: Start) -> None:
    """A client chooses its region, and with it a label: whatever it holds, the page can be read."""
    running = await start()
    headers = (
        "X-Amz-Target: AmazonSQS.CreateQueue",
        "Content-Type: application/x-amz-json-1.0",
        'Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/here"\\there/sqs/aws4_request, '
        "SignedHeaders=host, Signature=0",
    )
    running.client.post("/", b'{"QueueName": "q"}', *headers)
    answer = await running.client.answer()
    samples = families((await running.client.look("/metrics")).body)
    regions = [dict(of)["region"] for of in samples.get("crossdock_queue_visible_messages", {})]
    assert answer.status == 200
    assert regions == ['here"\\there']


async def test_readiness_ends_before_the_last_answers(start: Start) -> None:
    """A broker that drains still answers what was begun: it is alive, and no longer ready."""
    running = await start(drain_ms=60_000)
    assert (await running.client.look("/ready")).json() == {"ready": True}
    assert (await running.client.look("/health")).json() == {"status": "ok"}
    asking = {path: await running.connect() for path in ("/ready", "/health")}
    begun_bytes = running.broker.server.counters.bytes_received
    for path, client in asking.items():
        begun = f"GET {path} HTTP/1.1\r\nHost: here\r\n".encode()
        begun_bytes += len(begun)
        client.send(begun)
    await until(lambda: running.broker.server.counters.bytes_received >= begun_bytes)
    stopping = asyncio.create_task(running.broker.stop())
    await asyncio.sleep(0)
    for client in asking.values():
        client.send(b"\r\n")
    ready, health = [await client.answer() for client in asking.values()]
    assert (ready.status, ready.json()) == (503, {"ready": False})
    assert (health.status, health.json()) == (200, {"status": "ok"})
    await stopping


async def test_a_long_poll_that_comes_while_it_drains_is_answered_at_once(start: Start) -> None:
    """Empty, as those that waited already."""
    running = await start(drain_ms=60_000, manual_clock=True)
    queue = (await running.client.call("CreateQueue", QueueName="q")).json()["QueueUrl"]
    waiting, late = await running.connect(), await running.connect()
    waiting.ask("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20)
    await until(lambda: running.broker.machine.waiting == 1)
    body = msgspec.json.encode({"QueueUrl": queue, "WaitTimeSeconds": 20})
    begun_bytes = running.broker.server.counters.bytes_received + 1
    late.send(
        b"POST / HTTP/1.1\r\nHost: here\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
        b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    await until(lambda: running.broker.server.counters.bytes_received >= begun_bytes)
    stopping = asyncio.create_task(running.broker.stop())
    await asyncio.sleep(0)
    late.send(body)
    for client in (waiting, late):
        answer = await asyncio.wait_for(client.answer(), 30)
        assert (answer.status, answer.json(), answer.headers["connection"]) == (200, {}, "close")
    await stopping
