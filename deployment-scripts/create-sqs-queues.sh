#!/usr/bin/env bash
# Creates the queues of the platform, on AWS or on the broker that AWS_ENDPOINT_URL names. Needs nothing but the AWS CLI.
#
#   ./create-sqs-queues.sh                                             AWS, region and credentials as the AWS CLI finds them
#   AWS_ENDPOINT_URL=http://127.0.0.1:9324 ./create-sqs-queues.sh      a local broker
#
# Can be run again: an existing queue keeps its messages and gets the attributes that are written here.
# At the end it prints the queue URLs as lines for the environment of a service.
set -euo pipefail

export AWS_REGION="${AWS_REGION:-${AWS_DEFAULT_REGION:-ap-southeast-1}}"
export AWS_DEFAULT_REGION="$AWS_REGION"
export AWS_PAGER=""

FOUR_DAYS=345600
FOURTEEN_DAYS=1209600

# AWS CLI v1 ignores AWS_ENDPOINT_URL for SQS in most regions and would go to AWS; the flag is heeded by every version.
sqs() {
  aws sqs "$@" ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"}
}

command -v aws >/dev/null || {
  echo "create-sqs-queues.sh: the AWS CLI is not installed; see https://docs.aws.amazon.com/cli/" >&2
  exit 1
}

# ensure_queue NAME ATTRIBUTES CREATION_ATTRIBUTES: create the queue, or set its attributes; prints its URL.
# Both attributes are JSON members; those of CREATION_ATTRIBUTES cannot be set later.
ensure_queue() {
  local name="$1" attributes="$2" creation="${3:-}" url
  if url=$(sqs get-queue-url --queue-name "$name" --query QueueUrl --output text 2>/dev/null); then
    sqs set-queue-attributes --queue-url "$url" --attributes "{$attributes}" || exit 1
    echo "kept    $name" >&2
  else
    url=$(sqs create-queue --queue-name "$name" --attributes "{$creation$attributes}" --query QueueUrl --output text) || exit 1
    echo "created $name" >&2
  fi
  echo "$url"
}

# arn_of URL: the ARN of a queue.
arn_of() {
  sqs get-queue-attributes --queue-url "$1" --attribute-names QueueArn --query Attributes.QueueArn --output text
}

# working VISIBILITY_TIMEOUT DLQ_ARN MAX_RECEIVE_COUNT: the attributes of a queue that is worked on, as JSON members.
working() {
  printf '"VisibilityTimeout":"%s","MessageRetentionPeriod":"%s","ReceiveMessageWaitTimeSeconds":"20",' "$1" "$FOUR_DAYS"
  printf '"RedrivePolicy":"{\\"deadLetterTargetArn\\":\\"%s\\",\\"maxReceiveCount\\":\\"%s\\"}"' "$2" "$3"
}

fifo='"FifoQueue":"true",'
deduplicating='"ContentBasedDeduplication":"true",'
kept="\"MessageRetentionPeriod\":\"$FOURTEEN_DAYS\""

# A FIFO queue needs a FIFO dead letter queue: SQS refuses a standard one.
dlq=$(ensure_queue ecommerce-dlq "$kept")
dlq_fifo=$(ensure_queue ecommerce-dlq.fifo "$kept" "$fifo")
dlq_arn=$(arn_of "$dlq")
dlq_fifo_arn=$(arn_of "$dlq_fifo")

orders=$(ensure_queue ecommerce-order-queue "$(working 300 "$dlq_arn" 3)")
payments=$(ensure_queue ecommerce-payment-queue.fifo "$deduplicating$(working 300 "$dlq_fifo_arn" 3)" "$fifo")
# Payment events are read by two services, and two consumers of one queue would steal each other's messages: each has its own.
receipts=$(ensure_queue ecommerce-payment-notification-queue.fifo "$deduplicating$(working 60 "$dlq_fifo_arn" 10)" "$fifo")
notifications=$(ensure_queue ecommerce-notification-queue "$(working 60 "$dlq_arn" 3)")

cat <<URLS
ORDER_QUEUE_URL=$orders
PAYMENT_QUEUE_URL=$payments
PAYMENT_NOTIFICATION_QUEUE_URL=$receipts
NOTIFICATION_QUEUE_URL=$notifications
DLQ_URL=$dlq
DLQ_FIFO_URL=$dlq_fifo
URLS
