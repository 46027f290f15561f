"""The table of wire cases, with botocore's own serializer and parsers on the client's side."""

from typing import Any

import botocore.session
import msgspec
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from tests.wire.cases import ERRORS, REQUESTS, RESULTS, ErrorCase, RequestCase, ResultCase

from crossdock.aws.api import sqs
from crossdock.aws.shapes import Shape
from crossdock.aws.wire.codec import find_codec
from crossdock.aws.wire.http import HttpRequest, HttpResponse

MODEL = botocore.session.get_session().get_service_model("sqs")
SERIALIZER = create_serializer("json")
PARSER = create_parser("json")
CODEC = find_codec(HttpRequest("POST", "/", {"x-amz-target": ""}, b""))


def plain(value: Any) -> Any:
    """A value as botocore's users write it: structures are dicts."""
    match value:
        case Shape():
            fields = msgspec.structs.fields(value)
            return {
                field.encode_name: plain(one) for field in fields if (one := getattr(value, field.name)) is not None
            }
        case list():
            return [plain(one) for one in value]
        case dict():
            return {key: plain(one) for key, one in value.items()}
    return value


def parsed(operation: str, response: HttpResponse) -> dict[str, Any]:
    """A response as botocore's users see it."""
    headers = {name.lower(): value for name, value in response.headers}
    told = {"status_code": response.status, "headers": headers, "body": response.body}
    result: dict[str, Any] = PARSER.parse(told, MODEL.operation_model(operation).output_shape)
    assert result.pop("ResponseMetadata")["RequestId"] == "id-1"
    return result


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.operation)
def test_requests_of_botocore(case: RequestCase) -> None:
    """What botocore sends for a value is read as that value."""
    sent = SERIALIZER.serialize_to_request(plain(case.value), MODEL.operation_model(case.operation))
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    request = HttpRequest(sent["method"], sent["url_path"], headers, sent["body"])
    assert find_codec(request).decode(request) == (sqs.OPERATIONS[case.operation], case.value)


@pytest.mark.parametrize("case", RESULTS, ids=lambda case: case.operation)
def test_results_for_botocore(case: ResultCase) -> None:
    """What we answer for a value, botocore reads as that value."""
    response = CODEC.encode(sqs.OPERATIONS[case.operation], case.value, "id-1")
    assert parsed(case.operation, response) == (plain(case.value) or {})


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case.error.code)
def test_errors_for_botocore(case: ErrorCase) -> None:
    """A1: botocore shows the legacy code as `Code` and the name of the shape as `QueryErrorCode`."""
    told = parsed("SendMessage", CODEC.encode_error(case.error, "id-1"))["Error"]
    assert (told["Code"], told["QueryErrorCode"]) == (case.error.code, case.error.shape)
    assert told["Message"] == case.error.message
