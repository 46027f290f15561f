"""The table of wire cases, run both ways through every protocol."""

import pytest
from tests.wire.cases import ERRORS, REQUESTS, RESULTS, ErrorCase, RequestCase, ResultCase

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError
from crossdock.aws.wire.aws_json import JsonCodec
from crossdock.aws.wire.aws_query import QueryCodec
from crossdock.aws.wire.http import HttpResponse
from crossdock.aws.wire.query_json import JsonAnswers
from crossdock.aws.wire.query_xml import XmlAnswers

JSON = JsonCodec(sqs.SERVICE)
XML = QueryCodec(sqs.SERVICE, XmlAnswers(sqs.SERVICE))
QUERY_JSON = QueryCodec(sqs.SERVICE, JsonAnswers())
NAMESPACE = 'xmlns="http://queue.amazonaws.com/doc/2012-11-05/"'

each_request = pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.operation)
each_result = pytest.mark.parametrize("case", RESULTS, ids=lambda case: case.operation)
each_error = pytest.mark.parametrize("case", ERRORS, ids=lambda case: case.error.code)


def test_the_table_holds_every_operation() -> None:
    """Each of the 23 operations has at least one request and one result in the table."""
    assert {case.operation for case in REQUESTS} == set(sqs.OPERATIONS) == {case.operation for case in RESULTS}


@each_request
def test_request_in_json(case: RequestCase) -> None:
    """A request is written as the table says in JSON, and read back to the same value."""
    operation = sqs.OPERATIONS[case.operation]
    request = JSON.encode_request(operation, case.value)
    assert request.body.decode() == case.json
    assert request.headers["x-amz-target"] == f"AmazonSQS.{case.operation}"
    assert JSON.decode(request) == (operation, case.value)


@each_request
def test_request_in_query(case: RequestCase) -> None:
    """A request is written as the table says in a form, and read back to the same value."""
    operation = sqs.OPERATIONS[case.operation]
    request = XML.encode_request(operation, case.value)
    action = f"Action={case.operation}&Version=2012-11-05"
    assert request.body.decode() == (f"{action}&{case.form}" if case.form else action)
    assert XML.decode(request) == (operation, case.value)


@each_request
def test_request_in_query_by_get(case: RequestCase) -> None:
    """A form in the query string of a GET means the same as in a body."""
    operation = sqs.OPERATIONS[case.operation]
    request = XML.encode_request(operation, case.value)
    request.method, request.target, request.body = "GET", f"/?{request.body.decode()}", b""
    assert XML.decode(request) == (operation, case.value)


@each_result
def test_result_in_json(case: ResultCase) -> None:
    """A result is written as the table says in JSON, and read back to the same value."""
    operation = sqs.OPERATIONS[case.operation]
    response = JSON.encode(operation, case.value, "id-1")
    assert response == HttpResponse(
        200,
        case.json.encode(),
        (("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-RequestId", "id-1")),
    )
    assert JSON.decode_response(operation, response) == case.value


@each_result
def test_result_in_xml(case: ResultCase) -> None:
    """A result is written as the table says in XML, and read back to the same value."""
    operation = sqs.OPERATIONS[case.operation]
    response = XML.encode(operation, case.value, "id-1")
    name = case.operation
    within = f"<{name}Result>{case.xml}</{name}Result>" if case.xml else f"<{name}Result/>"
    assert response.body.decode() == (
        f'<?xml version="1.0"?><{name}Response {NAMESPACE}>{"" if case.xml is None else within}'
        f"<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></{name}Response>"
    )
    assert response.header("content-type") == "text/xml"
    assert XML.decode_response(operation, response) == case.value


@each_result
def test_result_in_json_of_query(case: ResultCase) -> None:
    """A result is written as the table says, wrapped, for those who ask the Query protocol for JSON."""
    operation = sqs.OPERATIONS[case.operation]
    response = QUERY_JSON.encode(operation, case.value, "id-1")
    result = "" if case.query_json is None else f',"{case.operation}Result":{case.query_json}'
    assert response.body.decode() == (
        f'{{"{case.operation}Response":{{"ResponseMetadata":{{"RequestId":"id-1"}}{result}}}}}'
    )
    assert response.header("content-type") == "application/json"


@each_error
def test_error_in_json(case: ErrorCase) -> None:
    """An error is written as the table says in JSON, and read back as the same error."""
    response = JSON.encode_error(case.error, "id-1")
    assert (response.status, response.body.decode()) == (case.status, case.json)
    assert response.header("x-amzn-query-error") == case.legacy
    assert response.header("x-amzn-RequestId") == "id-1"
    with pytest.raises(ApiError) as told:
        JSON.decode_response(sqs.OPERATIONS["SendMessage"], response)
    assert (type(told.value), told.value.message) == (type(case.error), case.error.message)


@each_error
def test_error_in_xml(case: ErrorCase) -> None:
    """An error is written as the table says in XML, and read back as the same error."""
    response = XML.encode_error(case.error, "id-1")
    assert response.status == case.status
    assert response.body.decode() == (
        f'<?xml version="1.0"?><ErrorResponse {NAMESPACE}><Error>{case.xml}</Error>'
        "<RequestId>id-1</RequestId></ErrorResponse>"
    )
    with pytest.raises(ApiError) as told:
        XML.decode_response(sqs.OPERATIONS["SendMessage"], response)
    assert type(told.value) is type(case.error)
