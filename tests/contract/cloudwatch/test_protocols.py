"""CloudWatch over botocore in each of its protocols, signed and compressed, against a broker that knows one key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader

PROTOCOLS = ["json", "query", "smithy-rpc-v2-cbor"]


class OneProtocol(Loader):
    """The service models, as if a service spoke one protocol only."""

    def __init__(self, protocol: str) -> None:
        super().__init__(extra_search_paths=botocore.session.get_session().get_component("data_loader").search_paths)
        self._protocol = protocol

    def load_service_model(self, *arguments: Any, **options: Any) -> Any:
        model = super().load_service_model(*arguments, **options)
        if "metadata" not in model:
            return model
        return {**model, "metadata": {**model["metadata"], "protocol": self._protocol, "protocols": [self._protocol]}}


def client(url: str, protocol: str, secret: str = "secret", service: str = "cloudwatch") -> Any:
    """A client that speaks one protocol."""
    session = botocore.session.Session()
    session.register_component("data_loader", OneProtocol(protocol))
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": secret}
    return session.create_client(service, "eu-west-1", endpoint_url=url, **keys)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_large_bodies_come_compressed_and_signed(signed_url: str, protocol: str) -> None:
    """A PutMetricData that the SDK compresses is read, and what it put is told."""
    cloudwatch = client(signed_url, protocol)
    sent = []
    cloudwatch.meta.events.register("before-send", lambda request, **_: sent.append(dict(request.headers)))
    now = datetime.now(UTC).replace(microsecond=0)
    dimensions = [{"Name": "Protocol", "Value": protocol}]
    datum = {"MetricName": "Orders", "Dimensions": dimensions, "Timestamp": now, "Unit": "Count"}
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{**datum, "Value": float(n)} for n in range(200)])
    assert sent[0]["Content-Encoding"] in ("gzip", b"gzip")
    [answer] = cloudwatch.get_metric_statistics(
        Namespace="Shop",
        MetricName="Orders",
        Dimensions=dimensions,
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["SampleCount", "Sum"],
    )["Datapoints"]
    assert answer == {
        "Timestamp": now.replace(second=0),
        "SampleCount": 200.0,
        "Sum": 19_900.0,
        "Unit": "Count",
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_alarm_is_described_as_it_was_put(signed_url: str, protocol: str) -> None:
    """Numbers, truth values, lists and structures within lists go there and back; so do actions without a result."""
    cloudwatch = client(signed_url, protocol)
    alarm = {
        "AlarmName": f"deep-{protocol}",
        "ActionsEnabled": False,
        "AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:one", "arn:aws:sns:eu-west-1:123456789012:two"],
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "orders"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 99.5,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    begun = datetime.now(UTC)
    cloudwatch.put_metric_alarm(**alarm, Tags=[{"Key": "team", "Value": "orders"}])
    [told] = cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"]
    assert told.items() >= alarm.items()
    assert abs(told["AlarmConfigurationUpdatedTimestamp"] - begun) < timedelta(minutes=1)
    cloudwatch.untag_resource(ResourceARN=told["AlarmArn"], TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=told["AlarmArn"])["Tags"] == []
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])
    assert cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"] == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_errors_have_their_codes(signed_url: str, protocol: str) -> None:
    """An error of CloudWatch is the exception of the SDK's model."""
    cloudwatch = client(signed_url, protocol)
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound) as refused:
        cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="test")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_wrong_secrets_are_refused(signed_url: str, protocol: str) -> None:
    """A signature that is not true is refused in each protocol, in its words."""
    with pytest.raises(ClientError) as refused:
        client(signed_url, protocol, secret="guess").list_metrics()
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
