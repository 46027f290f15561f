"""What the language of shapes can say beyond what SQS needs, and what it refuses."""

from typing import Annotated

import pytest

from crossdock.aws.errors import InvalidParameterValue
from crossdock.aws.shapes import (
    ListOf,
    MapOf,
    Member,
    Operation,
    QueryList,
    QueryMap,
    Scalar,
    Service,
    Shape,
    Structure,
    members,
)
from crossdock.aws.wire.aws_query import QueryCodec
from crossdock.aws.wire.query_xml import XmlAnswers


class Dimension(Shape):
    """A structure within lists."""

    name: str
    value: str


class PutMetric(Shape):
    """A request in the style of other services: lists that are not flattened, a structure and a number."""

    metric_name: str
    weight: float
    labels: Annotated[dict[str, str] | None, QueryMap("Label", "Key", "Value")] = None
    dimensions: Annotated[list[Dimension] | None, QueryList("Dimensions", flattened=False)] = None
    unit: Dimension | None = None


PUT = Operation("PutMetric", PutMetric, PutMetric)
CODEC_SERVICE = Service("metrics", "Metrics", "2010-08-01", "http://example.com/", {"PutMetric": PUT}, "com.example")
CODEC = QueryCodec(CODEC_SERVICE, XmlAnswers(CODEC_SERVICE))
VALUE = PutMetric("cpu", 1.5, {"a": "b"}, [Dimension("q", "1"), Dimension("q", "2")], Dimension("u", "%"))


def test_members_are_read_from_the_declaration() -> None:
    """Names, kinds and required flags follow from the class alone."""
    assert members(PutMetric) == (
        Member("metric_name", "MetricName", "MetricName", Scalar(str), True),
        Member("weight", "Weight", "Weight", Scalar(float), True),
        Member("labels", "Labels", "Label", MapOf(Scalar(str), QueryMap("Label", "Key", "Value")), False),
        Member(
            "dimensions",
            "Dimensions",
            "Dimensions",
            ListOf(Structure(Dimension), QueryList("Dimensions", flattened=False)),
            False,
        ),
        Member("unit", "Unit", "Unit", Structure(Dimension), False),
    )


def test_lists_that_are_not_flattened() -> None:
    """They travel as `Dimensions.member.1.Name` in a form and within one element in XML, both ways."""
    request = CODEC.encode_request(PUT, VALUE)
    assert b"Dimensions.member.2.Name=q&Dimensions.member.2.Value=2&Unit.Name=u&Unit.Value=%25" in request.body
    assert CODEC.decode(request) == (PUT, VALUE)
    response = CODEC.encode(PUT, VALUE, "id")
    assert b"<Dimensions><member><Name>q</Name><Value>1</Value></member><member>" in response.body
    assert CODEC.decode_response(PUT, response) == VALUE


def test_numbers_that_are_none() -> None:
    """A text where a number is due is refused."""
    request = CODEC.encode_request(PUT, VALUE)
    request.body = request.body.replace(b"Weight=1.5", b"Weight=heavy")
    with pytest.raises(InvalidParameterValue, match="Value heavy for parameter Weight is invalid"):
        CODEC.decode(request)


def test_what_cannot_travel_is_refused() -> None:
    """A list or map without Query names, or a type of another kind, is a mistake in the declaration."""

    class Bare(Shape):
        names: list[str]

    class Odd(Shape):
        value: complex

    for shape in (Bare, Odd):
        with pytest.raises(TypeError, match="describes nothing that travels"):
            members(shape)
