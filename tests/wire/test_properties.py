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

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError, MalformedQueryString
from crossdock.aws.shapes import Kind, ListOf, MapOf, Scalar, Shape, Structure, members
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

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x0b\x0c\ufffe\uffff", exclude_categories=["Cc", "Cs"])
    | st.sampled_from("\t\n\r<>&\"'+%=. "),
    max_size=12,
)
"""What SQS lets a message hold; XML cannot write anything else."""

SCALARS = {
    str: TEXTS,
    int: st.integers(-(10**17), 10**17),
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
}

operations = st.sampled_from(list(sqs.OPERATIONS.values()))


def values(kind: Kind) -> st.SearchStrategy[Any]:
    """Values of a kind. Lists and maps are not empty: the Query protocol cannot tell an empty one from an absent one."""
    match kind:
        case Scalar(scalar_type):
            return SCALARS[scalar_type]
        case Structure(shape):
            return shapes(shape)
        case ListOf(item):
            return st.lists(values(item), min_size=1, max_size=3)
        case MapOf(item):
            return st.dictionaries(TEXTS, values(item), min_size=1, max_size=3)


def shapes(shape: type[Shape]) -> st.SearchStrategy[Shape]:
    """Values of a structure, each optional member there or not. None is empty: as with lists, Query could not tell it from an absent one."""
    fields = {
        member.field: values(member.kind)
        if member.required or member.field == "data_type"
        else st.none() | values(member.kind)
        for member in members(shape)
    }
    return st.fixed_dictionaries(fields).map(
        lambda given: shape(**{field: value for field, value in given.items() if value is not None})
    )


@given(st.data(), operations)
def test_every_input_survives_the_round_trip(data: st.DataObject, operation: sqs.Operation) -> None:
    """What a client writes, the server reads as the same value, in both protocols."""
    value = data.draw(shapes(operation.input))
    if isinstance(value, sqs.ReceiveMessage):
        value.message_system_attribute_names = None  # gives way to attribute_names in the Query protocol
    assert JSON.decode(JSON.encode_request(operation, value)) == (operation, value)
    assert XML.decode(XML.encode_request(operation, value)) == (operation, value)


@given(st.data(), operations.filter(lambda operation: operation.output))
def test_every_output_survives_the_round_trip(data: st.DataObject, operation: sqs.Operation) -> None:
    """What the server writes, a client reads as the same value, in both protocols."""
    value = data.draw(shapes(operation.output))
    assert JSON.decode_response(operation, JSON.encode(operation, value, "id")) == value
    assert XML.decode_response(operation, XML.encode(operation, value, "id")) == value
    wrapped = msgspec.json.decode(QUERY_JSON.encode(operation, value, "id").body)
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
@given(st.binary(max_size=60), st.sampled_from(sorted(sqs.OPERATIONS)), st.sampled_from(["", "application/json"]))
def test_any_bytes_in_any_place(junk: bytes, action: str, accept: str) -> None:
    """Random bytes as body, as query and as path are a value or an ApiError."""
    text = junk.decode("latin-1")
    for request in (
        HttpRequest("POST", "/", {"x-amz-target": f"AmazonSQS.{action}"}, junk),
        HttpRequest("POST", f"/?Action={action}", {"accept": accept}, junk),
        HttpRequest("GET", f"/?Action={action}&{text}", {"accept": accept}, b""),
        HttpRequest("GET", f"/{text}?Action={action}", {"accept": accept}, b""),
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
