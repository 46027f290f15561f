"""The limits of SQS that the broker keeps, under their documented names. Asserts say how they relate.

Source: "Amazon SQS quotas" in the SQS Developer Guide, and the API reference.
"""

# Queues
QUEUE_NAME_LENGTH_MAX = 80
"""Characters, the suffix `.fifo` included."""
QUEUE_DELETED_RECENTLY_MS = 60_000
"""How long the name of a deleted queue cannot be used again."""
PURGE_INTERVAL_MS = 60_000
"""A queue can be purged once in this time."""
LIST_RESULTS_MAX = 1_000
"""Queues on a page of ListQueues and ListDeadLetterSourceQueues."""
TAGS_MAX = 50
"""Tags of a queue."""
TAG_KEY_LENGTH_MAX = 128
"""Characters."""
TAG_VALUE_LENGTH_MAX = 256
"""Characters."""

# Queue attributes, as (lowest, highest, default); seconds and bytes as on the wire
DELAY_SECONDS = (0, 900, 0)
"""Of a queue and of a message."""
MAXIMUM_MESSAGE_SIZE = (1_024, 1_048_576, 1_048_576)
"""Of a queue."""
MESSAGE_RETENTION_PERIOD = (60, 1_209_600, 345_600)
"""Of a queue."""
RECEIVE_MESSAGE_WAIT_TIME_SECONDS = (0, 20, 0)
"""Of a queue and of a receive."""
VISIBILITY_TIMEOUT = (0, 43_200, 30)
"""Of a queue, of a receive, and of a change of visibility."""
KMS_DATA_KEY_REUSE_PERIOD_SECONDS = (60, 86_400, 300)
"""Of a queue."""

# Messages
MESSAGE_ATTRIBUTES_MAX = 10
"""Attributes of a message."""
MESSAGE_ATTRIBUTE_NAME_LENGTH_MAX = 256
"""Characters."""
MESSAGE_ATTRIBUTE_TYPE_LENGTH_MAX = 256
"""Characters, the label included."""
NUMBER_DIGITS_MAX = 38
"""Significant digits of a Number."""
NUMBER_EXPONENT = (-128, 126)
"""A Number lies between 1e-128 and 1e126 in magnitude, or is zero."""
MESSAGE_GROUP_ID_LENGTH_MAX = 128
"""Characters."""
MESSAGE_DEDUPLICATION_ID_LENGTH_MAX = 128
"""Characters."""
VISIBILITY_TOTAL_MS_MAX = 43_200_000
"""How long a message may be hidden in all, from its receive."""
DEDUPLICATION_WINDOW_MS = 300_000
"""How long a FIFO queue recognises a duplicate."""
RECEIVE_ATTEMPT_WINDOW_MS = 300_000
"""How long a receive can be repeated by its ReceiveRequestAttemptId."""
IN_FLIGHT_MAX = 120_000
"""Messages in flight in a queue."""
RECEIVE_MAX_MESSAGES = 10
"""Messages of one receive."""

# Batches
BATCH_ENTRIES_MAX = 10
"""Entries of a batch."""
BATCH_ENTRY_ID_LENGTH_MAX = 80
"""Characters."""
BATCH_BYTES_MAX = 1_048_576
"""Bytes of all messages of a batch, whatever the queue's MaximumMessageSize."""

# Dead letters
MAX_RECEIVE_COUNT = (1, 1_000)
"""Of a RedrivePolicy."""
REDRIVE_ALLOW_SOURCES_MAX = 10
"""Queues that a RedriveAllowPolicy names."""
MOVE_TASKS_LISTED_MAX = 10
"""Move tasks that are remembered and listed of a source."""
MOVE_MESSAGES_PER_SECOND = (1, 500)
"""The rate of a move task."""

# Policies
POLICY_BYTES_MAX = 8_192
"""Bytes of a policy."""
POLICY_STATEMENTS_MAX = 20
"""Statements of a policy to which AddPermission adds."""
POLICY_ACTIONS_MAX = 7
"""Actions of a statement."""
POLICY_LABEL_LENGTH_MAX = 80
"""Characters."""

# Fair queues
NOISY_SHARE = 0.10
"""A tenant is noisy with more than this share of what is in flight, or of the recent processing time."""
NOISY_IN_FLIGHT_MIN = 30
"""By the first rule, with at least so many messages in flight."""
NOISY_QUIET_AFTER_MS = 300_000
"""A tenant that has sent nothing for so long is quiet again."""

# CloudWatch
DIMENSIONS_MAX = 30
"""Dimensions of a metric."""
METRIC_DATA_MAX = 1_000
"""Entries of one PutMetricData."""
METRIC_VALUES_MAX = 150
"""Values of one entry."""
METRIC_VALUE_MAX = 2.0**360
"""Neither a value nor how often it came may be greater; nor a value less than minus that, nor a target closer to nothing than its inverse."""
METRIC_DATA_QUERIES_MAX = 500
"""Queries of one GetMetricData."""
DIMENSION_FILTERS_MAX = 10
"""Dimensions that ListMetrics filters by."""
METRICS_LISTED_MAX = 500
"""Metrics on a page of ListMetrics."""
DATAPOINTS_MAX = 1_440
"""Points of one GetMetricStatistics."""
ALARM_NAME_LENGTH_MAX = 255
"""Characters."""
ALARM_ACTIONS_MAX = 5
"""Actions of an alarm for one state."""
ALARM_RECORDS_MAX = 100
"""Alarms that are shown on a page, or named in a request."""
ALARM_TAG_VALUE_LENGTH_MAX = 256
"""Characters."""
ALARM_RANGE_SECONDS_MAX = 86_400
"""What an alarm looks back: its period times its evaluation periods."""
ALARM_RANGE_SECONDS_MAX_OF_HOURS = 604_800
"""The same for periods of an hour and more."""

ALARMS_MAX = 5_000
"""Alarms of an account in a region."""
ALARM_QUERIES_MAX = 20
"""Queries of an alarm on metric math; of them"""
ALARM_METRICS_MAX = 10
"""are metrics."""
ALARM_ACTION_LENGTH_MAX = 1_024
"""Characters."""

# Auto Scaling
GROUPS_MAX = 500
"""Groups of an account in a region."""
POLICIES_MAX = 50
"""Policies of a group."""
STEPS_MAX = 20
"""Steps of a policy."""
SCALING_SECONDS_MAX = 31_536_000
"""Of a cooldown or a warm-up. AWS names no limit; a year is none that anybody meets."""

assert MAXIMUM_MESSAGE_SIZE[1] == BATCH_BYTES_MAX, "one message of the greatest size fills a batch"
assert VISIBILITY_TIMEOUT[1] * 1_000 == VISIBILITY_TOTAL_MS_MAX
assert MESSAGE_RETENTION_PERIOD[1] * 1_000 > DEDUPLICATION_WINDOW_MS
assert MESSAGE_DEDUPLICATION_ID_LENGTH_MAX == MESSAGE_GROUP_ID_LENGTH_MAX, "one check serves both"
assert BATCH_ENTRIES_MAX == RECEIVE_MAX_MESSAGES
