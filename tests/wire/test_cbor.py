"""RPC v2 CBOR: what is tolerated, what is refused, and that nothing else comes of any bytes."""

import gc
import random
import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.values import shapes

from crossdock.aws import errors
from crossdock.aws.api import cloudwatch, sqs
from crossdock.aws.errors import ApiError, MissingParameter, Serialization, UnknownOperation
from crossdock.aws.shapes import Operation, Service, Structure
from crossdock.aws.wire.cbor import Reader, write
from crossdock.aws.wire.codec import find_codec
from crossdock.aws.wire.http import HttpRequest
from crossdock.aws.wire.rpc_v2_cbor import CborCodec

CODEC = CborCodec(cloudwatch.SERVICE)
PATH = "/service/GraniteServiceVersion20100801/operation/"


def written(value: Any) -> bytes:
    """A structure in CBOR."""
    out: list[bytes] = []
    write(Structure(type(value)), value, out)
    return b"".join(out)


def decode(operation: str, body: str | bytes) -> Any:
    """The input that the codec reads from a body, as hexadecimal with spaces or as it is."""
    body = bytes.fromhex(body) if isinstance(body, str) else body
    return CODEC.decode(HttpRequest("POST", PATH + operation, {}, body))[1]


def text(value: str) -> str:
    """A text shorter than 24 bytes, in hexadecimal."""
    return bytes((0x60 + len(value),)).hex() + value.encode().hex()


@given(st.data(), st.sampled_from([sqs.SERVICE, cloudwatch.SERVICE]))
def test_every_value_survives_the_round_trip(data: st.DataObject, service: Service) -> None:
    """What is written is read as the same value, also the maps and blobs that only SQS has."""
    operation = data.draw(st.sampled_from(list(service.operations.values())))
    value = data.draw(shapes(operation.input))
    assert Reader(written(value)).read(operation.input) == value


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65_535, 65_536])
def test_lengths_at_their_borders(size: int) -> None:
    """A text of any length has the shortest head that can say it."""
    value = cloudwatch.ListMetrics(namespace="x" * size)
    assert decode("ListMetrics", written(value)) == value
    assert len(written(value)) == 1 + 1 + len("Namespace") + size + (
        1 + sum(size >= least for least in (24, 256, 65_536)) + (size >= 65_536)
    )


@pytest.mark.parametrize("number", [0, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_integers_at_their_borders(number: int, sign: int) -> None:
    """Integers of every width, of either sign."""
    value = cloudwatch.DescribeAlarms(max_records=sign * number)
    assert decode("DescribeAlarms", written(value)) == value


MAX_RECORDS = text("MaxRecords")
NAMESPACE = text("Namespace")
START = text("StartDate")


@pytest.mark.parametrize(
    ("operation", "body", "value"),
    [
        ("ListMetrics", "", cloudwatch.ListMetrics()),
        ("ListMetrics", "a0", cloudwatch.ListMetrics()),
        ("ListMetrics", "bf ff", cloudwatch.ListMetrics()),
        ("ListMetrics", f"a1 {NAMESPACE} f6", cloudwatch.ListMetrics()),
        ("ListMetrics", f"a1 {NAMESPACE} f7", cloudwatch.ListMetrics()),
        ("ListMetrics", f"b90001 {NAMESPACE} 7801 61", cloudwatch.ListMetrics("a")),
        ("ListMetrics", f"bf {NAMESPACE} 7f 61 61 60 61 62 ff ff", cloudwatch.ListMetrics("ab")),
        ("DescribeAlarms", f"a1 {text('AlarmNames')} 9f 61 61 61 62 ff", cloudwatch.DescribeAlarms(["a", "b"])),
        ("DescribeAlarms", f"a1 {text('AlarmNames')} 80", cloudwatch.DescribeAlarms([])),
        ("DescribeAlarms", f"a1 {MAX_RECORDS} fa 40a00000", cloudwatch.DescribeAlarms(max_records=5)),
        ("DescribeAlarms", f"a1 {MAX_RECORDS} 1b 0000000000000005", cloudwatch.DescribeAlarms(max_records=5)),
        ("DescribeAlarmHistory", f"a1 {START} c1 1a 6553f100", cloudwatch.DescribeAlarmHistory(start_date=1.7e9)),
        ("DescribeAlarmHistory", f"a1 {START} d801 1a 6553f100", cloudwatch.DescribeAlarmHistory(start_date=1.7e9)),
        (
            "DescribeAlarmHistory",
            f"a1 {START} c1 fb 41d954fc40000000",
            cloudwatch.DescribeAlarmHistory(start_date=1.7e9),
        ),
        ("DescribeAlarmHistory", f"a1 {START} c1 f9 3e00", cloudwatch.DescribeAlarmHistory(start_date=1.5)),
        ("DescribeAlarmHistory", f"a1 {START} 05", cloudwatch.DescribeAlarmHistory(start_date=5.0)),
        ("ListMetrics", f"a2 61 78 c2 82 a1 01 f5 5f 41 00 ff {NAMESPACE} 61 61", cloudwatch.ListMetrics("a")),
    ],
)
def test_what_is_tolerated(operation: str, body: str, value: Any) -> None:
    """Any width of a number, lengths that are not told, null for absent, and members that nobody declared."""
    assert decode(operation, body) == value


@pytest.mark.parametrize(
    ("operation", "body", "text"),
    [
        ("ListMetrics", "80", "a map is due"),
        ("ListMetrics", "f6", "a map is due"),
        ("ListMetrics", "a1", "it ends too early"),
        ("ListMetrics", "bf", "it ends too early"),
        ("ListMetrics", "a1 01 01", "a text is due"),
        ("ListMetrics", f"a2 {NAMESPACE} 61 61 {NAMESPACE} 61 61", "Namespace is there twice"),
        ("ListMetrics", f"a2 {NAMESPACE} f6 {NAMESPACE} 61 61", "Namespace is there twice"),
        ("ListMetrics", f"a1 {NAMESPACE} 05", "a text is due"),
        ("ListMetrics", f"a1 {NAMESPACE} 41 61", "a text is due"),
        ("ListMetrics", f"a1 {NAMESPACE} 61 ff", "not valid UTF-8"),
        ("ListMetrics", f"a1 {NAMESPACE} 63 eda080", "not valid UTF-8"),
        ("ListMetrics", f"a1 {NAMESPACE} 7b 7fffffffffffffff 61", "it ends too early"),
        ("ListMetrics", f"a1 {NAMESPACE} 7f 7f 61 61 ff ff", "not alike"),
        ("ListMetrics", f"a1 {NAMESPACE} 7f 41 61 ff", "not alike"),
        ("ListMetrics", f"a1 {NAMESPACE} 7c", "no such item"),
        ("ListMetrics", f"a1 {NAMESPACE} ff", "no such item"),
        ("ListMetrics", f"a1 {NAMESPACE} c1 61 61", "a text is due"),
        ("ListMetrics", "a1 61 78 1f", "no such item"),
        ("ListMetrics", "a1 61 78" + "81" * 20 + "00", "nested too deeply"),
        ("ListMetrics", "a1 61 78" + "c1" * 20 + "00", "nested too deeply"),
        ("ListMetrics", "a1 61 78 9b 7fffffffffffffff" + "00" * 20_000, "more than 150000 items"),
        ("DescribeAlarms", f"a1 {text('AlarmNames')} a0", "a list is due"),
        ("DescribeAlarms", f"a1 {text('AlarmNames')} 9b 7fffffffffffffff 61 61", "more than 150000 items"),
        ("DescribeAlarms", f"a1 {text('AlarmNames')} 9f" + "60" * 150_000, "more than 150000 items"),
        ("DescribeAlarms", f"a1 {text('AlarmNames')} 9a 00010000 61 61", "it ends too early"),
        ("DescribeAlarms", f"a1 {text('AlarmNames')} 82 61 61 f6", "an item is null"),
        ("DescribeAlarms", f"a1 {MAX_RECORDS} 61 35", "a number is due"),
        ("DescribeAlarms", f"a1 {MAX_RECORDS} f5", "a number is due"),
        ("DescribeAlarms", f"a1 {MAX_RECORDS} c2 41 05", "a number is due"),
        ("DescribeAlarms", f"a1 {MAX_RECORDS} f9 3e00", "a whole number is due"),
        ("DescribeAlarms", f"a1 {MAX_RECORDS} 1b ffffffffffffffff", "too large"),
        ("DescribeAlarms", f"a1 {MAX_RECORDS} fb 7e37e43c8800759c", "too large"),
        ("DescribeAlarmHistory", f"a1 {START} c0 61 61", "a timestamp is due"),
        ("DescribeAlarmHistory", f"a1 {START} c1 61 61", "a number is due"),
        ("DescribeAlarmHistory", f"a1 {START} c1 c1 01", "a number is due"),
        ("DescribeAlarmHistory", f"a1 {START} c1 f9 7e00", "not finite"),
        ("DescribeAlarmHistory", f"a1 {START} c1 fb 7e37e43c8800759c", "years 1 to 9999"),
        ("GetMetricData", f"a1 {text('MetricDataQueries')} 81 a1 {text('ReturnData')} 00", "true or false is due"),
        ("PutMetricData", f"a1 {text('MetricData')} 81 a1 {text('Value')} f9 7c00", "not finite"),
    ],
)
def test_what_is_refused(operation: str, body: str, text: str) -> None:
    """Whatever is no value of the shape is a SerializationException that says why."""
    with pytest.raises(Serialization, match=text):
        decode(operation, body)


def test_missing_members_are_named() -> None:
    """A required member that is absent or null is named as the other protocols name it."""
    with pytest.raises(MissingParameter, match=r"the parameter Namespace\."):
        decode("PutMetricData", "a0")
    with pytest.raises(MissingParameter, match=r"the parameter Namespace\."):
        decode("PutMetricData", f"a1 {NAMESPACE} f6")
    with pytest.raises(MissingParameter, match=r"the parameter MetricData\.member\.2\.MetricName\."):
        decode("PutMetricData", f"a1 {text('MetricData')} 82 a1 {text('MetricName')} 61 61 a0")


def test_operations_that_do_not_exist() -> None:
    """A path that names no operation is refused in CBOR."""
    request = HttpRequest("POST", f"{PATH}NoSuchThing", {}, b"")
    codec = find_codec(request)
    with pytest.raises(UnknownOperation) as refused:
        codec.decode(request)
    response = codec.encode_error(refused.value, "id-1")
    assert (response.status, response.header("content-type")) == (400, "application/cbor")


def test_the_headers_of_answers() -> None:
    """Each answer names the protocol, without which the SDK for Go fails; an error tells its code, and an action without a result has no body."""
    empty = CODEC.encode(cloudwatch.OPERATIONS["DeleteAlarms"], None, "id-1")
    nothing = CODEC.encode(cloudwatch.OPERATIONS["TagResource"], None, "id-1")
    error = CODEC.encode_error(errors.AlarmNotFound("gone"), "id-1")
    assert [one.header("smithy-protocol") for one in (empty, nothing, error)] == ["rpc-v2-cbor"] * 3
    assert (empty.body, empty.header("content-type")) == (b"", None)
    assert (nothing.body, nothing.header("content-type")) == (b"\xa0", "application/cbor")
    assert error.header("x-amzn-query-error") == "ResourceNotFound;Sender"
    assert error.body.hex() == (
        f"a2 {text('__type')} 7829 {b'com.amazonaws.cloudwatch#ResourceNotFound'.hex()} {text('message')} {text('gone')}"
    ).replace(" ", "")


def test_moments_are_doubles() -> None:
    """A timestamp is answered as a double of seconds in its tag."""
    body = CODEC.encode(
        cloudwatch.OPERATIONS["GetMetricStatistics"],
        cloudwatch.GetMetricStatisticsResult("m", [cloudwatch.Datapoint(timestamp=1_700_000_000.25)]),
        "id-1",
    ).body
    assert body.endswith(b"\x69Timestamp\xc1\xfb" + struct.pack(">d", 1_700_000_000.25))


def only_api_errors(operation: Operation, body: bytes) -> None:
    """Decode; an ApiError of the sender is as good as a value, anything else fails the test."""
    try:
        decode(operation.name, body)
    except ApiError as error:
        assert error.sender_fault and error.message


@given(st.data(), st.sampled_from(list(cloudwatch.OPERATIONS.values())), st.integers())
def test_cut_and_changed_anywhere(data: st.DataObject, operation: Operation, seed: int) -> None:
    """A request cut at any position, or with any one byte changed, is a value or an error of the sender."""
    chance = random.Random(seed)
    whole = written(data.draw(shapes(operation.input)))
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] = chance.randrange(256)
        only_api_errors(operation, bytes(changed))
        if position:
            with pytest.raises(Serialization, match="ends too early"):
                decode(operation.name, whole[:position])


@given(st.sampled_from(list(cloudwatch.OPERATIONS.values())), st.binary(max_size=60))
def test_any_bytes(operation: Operation, junk: bytes) -> None:
    """Random bytes are a value or an error of the sender, also behind a member's name."""
    only_api_errors(operation, junk)
    only_api_errors(operation, bytes.fromhex(f"a1 {text('MetricData')}") + junk)


@pytest.mark.parametrize("item", ["80", "a0", "60", "9f ff"])
def test_bombs_stay_small(item: str) -> None:
    """A megabyte of the smallest items that nobody declared is refused without being built."""
    body = bytes.fromhex(f"a1 61 78 9a {1 << 20:08x}") + bytes.fromhex(item) * (1 << 20)
    gc.collect()
    tracemalloc.start()
    with pytest.raises(Serialization):
        decode("ListMetrics", body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000
