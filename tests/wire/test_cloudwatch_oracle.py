"""The declarations of CloudWatch, held against botocore's service model."""

import botocore.session
import pytest
from botocore.model import Shape as ModelShape
from botocore.model import StructureShape

from crossdock.aws import errors
from crossdock.aws.api import cloudwatch
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Kind, ListOf, MapOf, Moment, Scalar, Shape, Structure, members

MODEL = botocore.session.get_session().get_service_model("cloudwatch")

TYPES = {"string": str, "integer": int, "double": float, "boolean": bool, "timestamp": Moment}

LEFT_OUT = {
    "AlarmHistoryItem": {"AlarmContributorAttributes", "AlarmContributorId"},
    "DescribeAlarmHistoryInput": {"AlarmContributorId"},
    "DescribeAlarmsOutput": {"LogAlarms"},
    "MetricAlarm": {
        "ActionConfiguration",
        "EvaluationCriteria",
        "EvaluationInterval",
        "EvaluationState",
        "EvaluationWindow",
        "WarmUpConfiguration",
    },
    "PutMetricDataInput": {"StrictEntityValidation"},
    "GetMetricDataInput": {"LabelOptions"},
    "GetMetricDataOutput": {"Messages"},
    "MetricDataResult": {"Messages"},
    "Datapoint": {"ExtendedStatistics"},
    "ListMetricsInput": {"IncludeLinkedAccounts", "OwningAccount"},
    "ListMetricsOutput": {"OwningAccounts"},
}
"""Members of the model that are not declared."""

ALWAYS_ANSWERED = {
    "AlarmHistoryItem": {"AlarmName", "AlarmType", "HistoryData", "HistoryItemType", "HistorySummary", "Timestamp"},
    "DescribeAlarmHistoryOutput": {"AlarmHistoryItems"},
    "DescribeAlarmsForMetricOutput": {"MetricAlarms"},
    "DescribeAlarmsOutput": {"CompositeAlarms", "MetricAlarms"},
    "GetMetricDataOutput": {"MetricDataResults"},
    "GetMetricStatisticsOutput": {"Datapoints", "Label"},
    "ListMetricsOutput": {"Metrics"},
    "ListTagsForResourceOutput": {"Tags"},
    "MetricAlarm": {"AlarmArn", "AlarmName"},
    "MetricDataResult": {"Id", "Label", "StatusCode", "Timestamps", "Values"},
}
"""Members that the model calls optional and that are always answered: required in our declarations."""

ERRORS = {
    errors.AlarmNotFound,
    errors.InvalidFormat,
    errors.InvalidNextToken,
    errors.InvalidParameterCombination,
    errors.InvalidParameterValue,
    errors.LimitExceeded,
    errors.MissingParameter,
    errors.ResourceNotFound,
    errors.ValidationError,
}


def compare(kind: Kind, model: ModelShape) -> None:
    """Assert that a kind is what the model says, all the way down."""
    match kind:
        case Scalar(scalar_type):
            assert scalar_type is TYPES[model.type_name], model
        case Structure(cloudwatch.Unsupported):
            assert isinstance(model, StructureShape)
        case Structure(shape):
            assert isinstance(model, StructureShape)
            compare_structure(shape, model)
        case ListOf(item, query):
            assert model.type_name == "list"
            assert not query.flattened and not model.serialization.get("flattened")
            assert model.member.serialization.get("name", "member") == "member"
            compare(item, model.member)
        case MapOf():
            pytest.fail("CloudWatch has maps nowhere that we declare")


def compare_structure(shape: type[Shape], model: StructureShape) -> None:
    """Assert that a structure has the members of the model but for those left out, with their names, types and required flags."""
    ours = {member.name: member for member in members(shape)}
    assert set(model.members) - ours.keys() == LEFT_OUT.get(model.name, set()), model.name
    required = {name for name, member in ours.items() if member.required}
    assert required == set(model.required_members) | ALWAYS_ANSWERED.get(model.name, set()), model.name
    for name, member in ours.items():
        assert member.query_name == name == model.members[name].serialization.get("name", name)
        if name != "CompositeAlarms":  # always empty
            compare(member.kind, model.members[name])


def test_the_service_is_that_of_the_model() -> None:
    """CloudWatch is addressed and signed as the model says, and every operation that is declared exists."""
    assert set(MODEL.operation_names) >= cloudwatch.OPERATIONS.keys()
    assert cloudwatch.SERVICE.name == MODEL.signing_name
    assert cloudwatch.SERVICE.json_target == MODEL.metadata["targetPrefix"]
    assert cloudwatch.SERVICE.version == MODEL.metadata["apiVersion"]
    assert cloudwatch.SERVICE.xml_namespace == MODEL.metadata["xmlNamespace"]
    assert MODEL.metadata["jsonVersion"] == "1.0"


@pytest.mark.parametrize("name", sorted(cloudwatch.OPERATIONS))
def test_an_operation_is_as_the_model_says(name: str) -> None:
    """An operation's input and output are as the model says, all the way down."""
    ours, model = cloudwatch.OPERATIONS[name], MODEL.operation_model(name)
    compare_structure(ours.input, model.input_shape)
    assert (ours.output is None) == (model.output_shape is None)
    if ours.output is not None:
        compare_structure(ours.output, model.output_shape)


@pytest.mark.parametrize("error", sorted(ERRORS, key=lambda error: error.shape), ids=lambda error: error.shape)
def test_an_error_is_as_the_model_says(error: type[ApiError]) -> None:
    """An error's shape is one of the model, with its code, status and fault."""
    told = MODEL.shape_for(error.shape).metadata["error"]
    assert (error.code, error.status) == (told["code"], told["httpStatusCode"])
    assert error.sender_fault == told["senderFault"]
