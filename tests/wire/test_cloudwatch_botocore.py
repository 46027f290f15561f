"""CloudWatch in every protocol, with botocore's own serializers and parsers on the client's side and any values."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.values import SCALARS, shapes

from crossdock.aws import errors
from crossdock.aws.api import cloudwatch
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Kind, ListOf, Moment, Operation, Scalar, Structure, members
from crossdock.aws.wire.codec import find_codec
from crossdock.aws.wire.http import HttpRequest, HttpResponse

MODEL = botocore.session.get_session().get_service_model("cloudwatch")

PROTOCOLS = ["json", "query", "smithy-rpc-v2-cbor"]

WHOLE_SECONDS = {**SCALARS, Moment: st.integers(-(10**9), 10**10).map(float)}
"""What botocore sends: it cuts fractions of a second off where it writes JSON."""

operations = st.sampled_from(list(cloudwatch.OPERATIONS.values()))


def plain(kind: Kind, value: Any) -> Any:
    """A value as botocore's users write it: structures are dicts, moments are datetimes."""
    match kind:
        case Scalar(scalar_type) if scalar_type is Moment:
            return datetime.fromtimestamp(value, UTC)
        case Structure(shape):
            told = {member.name: (member.kind, getattr(value, member.field)) for member in members(shape)}
            return {name: plain(kind, one) for name, (kind, one) in told.items() if one is not None}
        case ListOf(item):
            return [plain(item, one) for one in value]
    return value


def request_of(protocol: str, operation: Operation, value: Any) -> HttpRequest:
    """What botocore sends."""
    serializer = create_serializer(protocol, include_validation=False)
    sent = serializer.serialize_to_request(
        plain(Structure(operation.input), value), MODEL.operation_model(operation.name)
    )
    headers = {name.lower(): text for name, text in sent["headers"].items()}
    body = urlencode(sent["body"]).encode() if isinstance(sent["body"], dict) else sent["body"]
    return HttpRequest(sent["method"], sent["url_path"], headers, body)


def parsed(protocol: str, operation: Operation, response: HttpResponse) -> dict[str, Any]:
    """A response as botocore's users see it."""
    headers = {name.lower(): value for name, value in response.headers}
    told = {"status_code": response.status, "headers": headers, "body": response.body}
    result: dict[str, Any] = create_parser(protocol).parse(told, MODEL.operation_model(operation.name).output_shape)
    metadata = result.pop("ResponseMetadata")
    assert response.header("x-amzn-RequestId") == metadata.get("RequestId", "id-1") == "id-1"
    return result


@given(st.data(), st.sampled_from(PROTOCOLS), operations)
def test_requests_of_botocore(data: st.DataObject, protocol: str, operation: Operation) -> None:
    """What botocore sends for a value is read as that value."""
    value = data.draw(shapes(operation.input, WHOLE_SECONDS))
    request = request_of(protocol, operation, value)
    assert find_codec(request).decode(request) == (operation, value)


@given(st.data(), st.sampled_from(PROTOCOLS), operations)
def test_results_for_botocore(data: st.DataObject, protocol: str, operation: Operation) -> None:
    """What we answer for a value, botocore reads as that value; no result at all is an empty one."""
    value = data.draw(shapes(operation.output)) if operation.output else None
    if isinstance(value, cloudwatch.DescribeAlarmsResult):
        value.composite_alarms = []
    codec = find_codec(request_of(protocol, cloudwatch.OPERATIONS["ListMetrics"], cloudwatch.ListMetrics()))
    expected = plain(Structure(operation.output), value) if operation.output else {}
    assert parsed(protocol, operation, codec.encode(operation, value, "id-1")) == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "error",
    [
        errors.AlarmNotFound(),
        errors.LimitExceeded(),
        errors.InvalidFormat(),
        errors.MissingParameter.named("A"),
        ApiError(),
    ],
    ids=lambda error: error.code,
)
def test_errors_for_botocore(protocol: str, error: ApiError) -> None:
    """botocore shows the legacy code as `Code`, and the text."""
    operation = cloudwatch.OPERATIONS["SetAlarmState"]
    codec = find_codec(request_of(protocol, cloudwatch.OPERATIONS["ListMetrics"], cloudwatch.ListMetrics()))
    response = codec.encode_error(error, "id-1")
    told = parsed(protocol, operation, response)["Error"]
    assert (response.status, told["Code"], told["Message"]) == (error.status, error.code, error.message)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_missing_members_have_one_name_in_all_protocols(protocol: str) -> None:
    """A required member that is absent within a list is named as the Query protocol spells it, whichever is spoken."""
    operation = cloudwatch.OPERATIONS["PutMetricData"]
    dimension = cloudwatch.Dimension("a", None)
    datum = cloudwatch.MetricDatum("m", [cloudwatch.Dimension("a", "b"), dimension])
    request = request_of(protocol, operation, cloudwatch.PutMetricData("n", [datum]))
    with pytest.raises(
        errors.MissingParameter, match=r"parameter MetricData\.member\.1\.Dimensions\.member\.2\.Value\."
    ):
        find_codec(request).decode(request)
