"""The declarations of Auto Scaling, held against botocore's service model. What the model has beyond them is left out."""

import botocore.session
import pytest
from botocore.model import Shape as ModelShape

from crossdock.aws.api import autoscaling, cloudwatch
from crossdock.aws.shapes import Kind, ListOf, Moment, Scalar, Shape, Structure, members

MODEL = botocore.session.get_session().get_service_model("autoscaling")

TYPES = {"string": str, "integer": int, "double": float, "boolean": bool, "timestamp": Moment}


def compare(kind: Kind, model: ModelShape, is_input: bool) -> None:
    """Assert that a kind is what the model says, all the way down."""
    match kind:
        case Scalar(scalar_type):
            assert scalar_type is TYPES[model.type_name], model
        case Structure(shape):
            assert model.type_name == "structure", model
            compare_structure(shape, model, is_input)
        case ListOf(item, query):
            assert model.type_name == "list" and not query.flattened and not model.serialization.get("flattened")
            compare(item, model.member, is_input)
        case _:
            pytest.fail("Auto Scaling has no maps")


def compare_structure(shape: type[Shape], model: ModelShape, is_input: bool) -> None:
    """Assert that each member exists, is called and typed as in the model, and that what the model requires is declared and required.

    Answers may promise more than the model does, requests may not ask for more.
    """
    ours = {member.name: member for member in members(shape)}
    required = {name for name, member in ours.items() if member.required}
    if shape is not cloudwatch.Metric:  # which CloudWatch requires less of
        assert required >= set(model.required_members), model.name
    assert not is_input or required <= set(model.required_members), model.name
    for name, member in ours.items():
        assert member.query_name == name
        compare(member.kind, model.members[name], is_input)


def test_the_service_is_that_of_the_model() -> None:
    """Auto Scaling is addressed and signed as the model says, in the one protocol that it speaks."""
    assert autoscaling.SERVICE.name == MODEL.signing_name
    assert autoscaling.SERVICE.version == MODEL.metadata["apiVersion"]
    assert autoscaling.SERVICE.xml_namespace == MODEL.metadata["xmlNamespace"]
    assert MODEL.metadata["protocols"] == ["query"]


@pytest.mark.parametrize("name", sorted(autoscaling.OPERATIONS))
def test_an_operation_is_as_the_model_says(name: str) -> None:
    """An operation's input and output are of the model, all the way down."""
    ours, model = autoscaling.OPERATIONS[name], MODEL.operation_model(name)
    compare_structure(ours.input, model.input_shape, is_input=True)
    assert (ours.output is None) == (model.output_shape is None)
    if ours.output is not None:
        compare_structure(ours.output, model.output_shape, is_input=False)
