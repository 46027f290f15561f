"""The declarations of SQS, held against botocore's service models: the present one, and the last of the Query era if it is at hand."""

import json
import os
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel, StructureShape
from botocore.model import Shape as ModelShape

from crossdock.aws import errors
from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Kind, ListOf, MapOf, Scalar, Shape, Structure, members

MODEL = botocore.session.get_session().get_service_model("sqs")

TYPES = {"string": str, "integer": int, "long": int, "boolean": bool, "blob": bytes}

ALWAYS_ANSWERED = {
    "CreateQueueResult": {"QueueUrl"},
    "GetQueueUrlResult": {"QueueUrl"},
    "SendMessageResult": {"MD5OfMessageBody", "MessageId"},
    "StartMessageMoveTaskResult": {"TaskHandle"},
    "CancelMessageMoveTaskResult": {"ApproximateNumberOfMessagesMoved"},
    "ListMessageMoveTasksResultEntry": {
        "Status",
        "SourceArn",
        "StartedTimestamp",
        "ApproximateNumberOfMessagesMoved",
    },
    "Message": {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"},
}
"""Members that the model calls optional and AWS always answers: required in our declarations."""

NOT_ALWAYS_ANSWERED = {
    "SendMessageBatchResult": {"Successful", "Failed"},
    "DeleteMessageBatchResult": {"Successful", "Failed"},
    "ChangeMessageVisibilityBatchResult": {"Successful", "Failed"},
    "ListDeadLetterSourceQueuesResult": {"queueUrls"},
}
"""Members that the model requires and AWS leaves out when they are empty (facts 120 and 129)."""

REFUSED_IN_OTHER_WORDS = {
    "MessageAttributeValue": {"DataType"},
    "MessageSystemAttributeValue": {"DataType"},
    "CreateQueueRequest": {"QueueName"},
    "SetQueueAttributesRequest": {"Attributes"},
    "GetQueueUrlRequest": {"QueueName"},
    "SendMessageBatchRequestEntry": {"MessageBody"},
    "DeleteMessageBatchRequestEntry": {"ReceiptHandle"},
    "ChangeMessageVisibilityBatchRequestEntry": {"ReceiptHandle"},
}
"""Members that the model requires and whose absence has an error of its own, from the broker's machine."""

LEFT_OUT = {
    "KmsAccessDenied",
    "KmsDisabled",
    "KmsInvalidKeyUsage",
    "KmsInvalidState",
    "KmsNotFound",
    "KmsOptInRequired",
    "KmsThrottled",
    "InvalidIdFormat",
}
"""Errors of the model that the broker never answers: it has no KMS, and InvalidIdFormat is deprecated."""


def compare(kind: Kind, model: ModelShape) -> None:
    """Assert that a kind is what the model says, all the way down."""
    match kind:
        case Scalar(scalar_type):
            assert scalar_type is TYPES[model.type_name], model
        case Structure(shape):
            assert isinstance(model, StructureShape)
            compare_structure(shape, model)
        case ListOf(item, query):
            assert (
                model.type_name == "list" and model.serialization.get("flattened", query.flattened) == query.flattened
            )
            compare(item, model.member)
        case MapOf(value):
            assert model.type_name == "map" and model.key.type_name == "string"
            compare(value, model.value)


def compare_structure(shape: type[Shape], model: StructureShape) -> None:
    """Assert that a structure has the members of the model, with their types, and requires the same ones."""
    ours = {member.name: member for member in members(shape)}
    assert ours.keys() == model.members.keys(), model.name
    required = {name for name, member in ours.items() if member.required}
    expected = set(model.required_members) | ALWAYS_ANSWERED.get(model.name, set())
    not_by_shape = NOT_ALWAYS_ANSWERED.get(model.name, set()) | REFUSED_IN_OTHER_WORDS.get(model.name, set())
    assert required == expected - not_by_shape, model.name
    for name, member in ours.items():
        compare(member.kind, model.members[name])


def test_the_operations_are_those_of_the_model() -> None:
    """SQS has the operations that the model has, at the same address."""
    assert sqs.OPERATIONS.keys() == set(MODEL.operation_names)
    assert sqs.SERVICE.json_target == MODEL.metadata["targetPrefix"]
    assert sqs.SERVICE.version == MODEL.metadata["apiVersion"]
    assert MODEL.metadata["jsonVersion"] == "1.0"


@pytest.mark.parametrize("name", sorted(sqs.OPERATIONS))
def test_an_operation_is_as_the_model_says(name: str) -> None:
    """An operation's input and output have the members, types and required flags of the model, all the way down."""
    ours, model = sqs.OPERATIONS[name], MODEL.operation_model(name)
    compare_structure(ours.input, model.input_shape)
    if ours.output is None:
        assert model.output_shape is None or not model.output_shape.members
    else:
        compare_structure(ours.output, model.output_shape)


def our_errors() -> dict[str, type[ApiError]]:
    """Every error type, by its shape name."""
    return {one.shape: one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ApiError)}


def test_the_errors_are_those_of_the_model() -> None:
    """Every error that the model names is a type of ours, or left out on purpose."""
    named = {error.name for name in MODEL.operation_names for error in MODEL.operation_model(name).error_shapes}
    assert named - our_errors().keys() == LEFT_OUT


# The Query era


@pytest.fixture(scope="module")
def query_era() -> ServiceModel:
    """The model of botocore 1.31.80, `botocore/data/sqs/2012-11-05/service-2.json`, where CROSSDOCK_QUERY_ERA_MODEL says it is."""
    path = os.environ.get("CROSSDOCK_QUERY_ERA_MODEL")
    if not path:
        pytest.skip("CROSSDOCK_QUERY_ERA_MODEL does not say where the Query-era model is")
    return ServiceModel(json.loads(Path(path).read_text()), "sqs")


def query_names(shape: type[Shape]) -> dict[str, Any]:
    """Name of each member on the Query wire, with the names of a map's key and value."""
    return {
        member.name: (member.query_name, member.kind.query.key, member.kind.query.value)
        if isinstance(member.kind, MapOf)
        else member.query_name
        for member in members(shape)
    }


def model_query_name(name: str, model: ModelShape) -> Any:
    """The same from the model. A list is called as its items are; a map without a name of its own (TagQueue's) as its member is."""
    if model.type_name == "list":
        return model.member.serialization["name"]
    if model.type_name == "map":
        spelled = model.serialization.get("name", name)
        return spelled, model.key.serialization["name"], model.value.serialization["name"]
    return model.serialization.get("name", name)


@pytest.mark.parametrize("name", sorted(sqs.OPERATIONS))
def test_query_names_are_those_of_the_query_era(query_era: ServiceModel, name: str) -> None:
    """Members travel in the Query protocol under the names of the Query-era model, but for the two that are younger or tolerated."""
    model = query_era.operation_model(name)
    for ours, theirs in (
        (sqs.OPERATIONS[name].input, model.input_shape),
        (sqs.OPERATIONS[name].output, model.output_shape),
    ):
        if ours is None or theirs is None:
            assert ours is None and (theirs is None or not theirs.members)
            continue
        names = query_names(ours)
        names.pop("MessageSystemAttributeNames", None)
        expected = {member: model_query_name(member, shape) for member, shape in theirs.members.items()}
        if name == "TagQueue":
            expected["Tags"] = ("Tag", "Key", "Value")
        assert names == expected


def test_legacy_codes_are_those_of_the_query_era(query_era: ServiceModel) -> None:
    """Codes and statuses of errors are those of the Query-era model."""
    ours = our_errors()
    for error in query_era.error_shapes:
        if error.name in ours and "code" in error.metadata.get("error", {}):
            told = error.metadata["error"]
            assert (ours[error.name].code, ours[error.name].status) == (told["code"], told["httpStatusCode"])
