"""What holds for every value and every input: round trips through all protocols, and no surprise from broken bytes."""

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.cases import REQUESTS, RESULTS
from tests.wire.values import shapes

from crossdock.aws.api import autoscaling, cloudwatch, sqs
from crossdock.aws.errors import ApiError, MalformedQueryString
from crossdock.aws.shapes import Service
from crossdock.aws.wire.aws_json import JsonCodec
from crossdock.aws.wire.aws_query import QueryCodec
from crossdock.aws.wire.codec import find_codec
from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.aws.wire.query_form import parse_form
from crossdock.aws.wire.query_json import JsonAnswers
from crossdock.aws.wire.query_xml import XmlAnswers

JSON = JsonCodec(sqs.SERVICE)
XML = QueryCodec(sqs.SERVICE, XmlAnswers(sqs.SERVICE))
QUERY_JSON = QueryCodec(sqs.SERVICE, JsonAnswers())

services = st.sampled_from([autoscaling.SERVICE, cloudwatch.SERVICE, sqs.SERVICE])


@given(st.data(), services)
def test_every_input_survives_the_round_trip(data: st.DataObject, service: Service) -> None:
    """What a client writes, the server reads as the same value, in all protocols of a service."""
    operation = data.draw(st.sampled_from(list(service.operations.values())))
    value = data.draw(shapes(operation.input))
    if isinstance(value, sqs.ReceiveMessage):
        value.message_system_attribute_names = None  # gives way to attribute_names in the Query protocol
    for client in (JsonCodec(service), QueryCodec(service, XmlAnswers(service))):
        request = client.encode_request(operation, value)
        assert find_codec(request).decode(request) == (operation, value)


@given(st.data(), services)
def test_every_output_survives_the_round_trip(data: st.DataObject, service: Service) -> None:
    """What the server writes, a client reads as the same value, in all protocols of a service."""
    operation = data.draw(st.sampled_from([one for one in service.operations.values() if one.output]))
    value = data.draw(shapes(operation.output))
    for codec in (JsonCodec(service), QueryCodec(service, XmlAnswers(service))):
        assert codec.decode_response(operation, codec.encode(operation, value, "id")) == value
    wrapped = msgspec.json.decode(QueryCodec(service, JsonAnswers()).encode(operation, value, "id").body)
    assert wrapped[f"{operation.name}Response"].keys() == {f"{operation.name}Result", "ResponseMetadata"}


@given(st.text(max_size=50))
def test_errors_are_readable_whatever_they_quote(text: str) -> None:
    """An error text may quote anything that a client sent, and still is well-formed JSON and XML."""
    error = ApiError(text or None)
    for codec in (JSON, XML):
        with pytest.raises(ApiError):
            codec.decode_response(sqs.OPERATIONS["SendMessage"], codec.encode_error(error, "id"))
    assert msgspec.json.decode(QUERY_JSON.encode_error(error, "id").body)["Error"]["Code"] == "InternalFailure"


def only_api_errors(do: Callable[[], object]) -> None:
    """Run `do`; an ApiError is as good as a value, anything else fails the test."""
    try:
        do()
    except ApiError as error:
        assert error.message


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.operation)
@pytest.mark.parametrize("codec", [JSON, XML], ids=["json", "query"])
def test_requests_cut_and_changed_anywhere(codec: JsonCodec | QueryCodec, case: Any) -> None:
    """A request cut at any position, or with any one byte changed, is a value or an ApiError, never another exception."""
    chance = random.Random(case.operation)
    request = codec.encode_request(sqs.OPERATIONS[case.operation], case.value)
    for position in range(len(request.body)):
        changed = bytearray(request.body)
        changed[position] = chance.randrange(256)
        for body in (request.body[:position], bytes(changed)):
            only_api_errors(lambda body=body: codec.decode(HttpRequest("POST", "/", request.headers, body)))


@pytest.mark.parametrize("case", RESULTS, ids=lambda case: case.operation)
@pytest.mark.parametrize("codec", [JSON, XML], ids=["json", "xml"])
def test_responses_cut_and_changed_anywhere(codec: JsonCodec | QueryCodec, case: Any) -> None:
    """A response cut at any position, or with any one byte changed, is a value or an ApiError, never another exception."""
    chance = random.Random(case.operation)
    operation = sqs.OPERATIONS[case.operation]
    whole = codec.encode(operation, case.value, "id").body
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] = chance.randrange(256)
        for body in (whole[:position], bytes(changed)):
            for status in (200, 500):
                only_api_errors(
                    lambda body=body, status=status: codec.decode_response(operation, HttpResponse(status, body))
                )


@settings(max_examples=300)
@given(st.data(), services, st.binary(max_size=60), st.sampled_from(["", "application/json"]))
def test_any_bytes_in_any_place(data: st.DataObject, service: Service, junk: bytes, accept: str) -> None:
    """Random bytes as body, as query and as path are a value or an ApiError."""
    action = data.draw(st.sampled_from(sorted(service.operations)))
    text = junk.decode("latin-1")
    asked = f"Action={action}&Version={service.version}"
    for request in (
        HttpRequest("POST", "/", {"x-amz-target": f"{service.json_target}.{action}"}, junk),
        HttpRequest("POST", f"/?{asked}", {"accept": accept}, junk),
        HttpRequest("GET", f"/?{asked}&{text}", {"accept": accept}, b""),
        HttpRequest("GET", f"/{text}?{asked}", {"accept": accept}, b""),
    ):
        only_api_errors(lambda request=request: find_codec(request).decode(request))


@given(
    st.lists(
        st.sampled_from([b"%41", b"%0d%0A", b"%", b"%4", b"+", b"=", b"\n", b"_", b"a", b"%e2%82%ac", b" "]), max_size=8
    )
)
def test_forms_are_decoded_as_urllib_does(parts: list[bytes]) -> None:
    """What a form holds is what the standard library reads in it, as long as that is UTF-8."""
    body = b"".join(parts)
    expected = unquote_to_bytes(body.replace(b"+", b" ")).decode(errors="replace")
    if "\ufffd" in expected:
        with pytest.raises(MalformedQueryString):
            parse_form("", b"x=" + body)
    else:
        assert parse_form("", b"x=" + body).text("x") == expected
