// The whole life of a message through the AWS SDK for JavaScript v2; prints what it saw as JSON.
const AWS = require('aws-sdk');

async function main() {
  const sqs = new AWS.SQS({ endpoint: process.env.AWS_ENDPOINT_URL });
  const { QueueUrl } = await sqs.createQueue({ QueueName: 'sdk-v2.fifo', Attributes: { FifoQueue: 'true', ContentBasedDeduplication: 'true' } }).promise();
  const first = await sqs.sendMessage({ QueueUrl, MessageBody: 'one', MessageGroupId: 'g' }).promise();
  const twice = await sqs.sendMessage({ QueueUrl, MessageBody: 'one', MessageGroupId: 'g' }).promise();
  await sqs.sendMessageBatch({ QueueUrl, Entries: [{ Id: 'a', MessageBody: 'two', MessageGroupId: 'g' }, { Id: 'b', MessageBody: 'three', MessageGroupId: 'h' }] }).promise();
  const received = await sqs.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10, AttributeNames: ['All'] }).promise();
  for (const message of received.Messages) await sqs.deleteMessage({ QueueUrl, ReceiptHandle: message.ReceiptHandle }).promise();
  const empty = await sqs.receiveMessage({ QueueUrl }).promise();
  let missing;
  try { await sqs.getQueueUrl({ QueueName: 'no-such-queue' }).promise(); } catch (error) { missing = error.code; }
  console.log(JSON.stringify({
    duplicate: first.MessageId === twice.MessageId, bodies: received.Messages.map((m) => m.Body), groups: received.Messages.map((m) => m.Attributes.MessageGroupId),
    ordered: received.Messages[0].Attributes.SequenceNumber < received.Messages[1].Attributes.SequenceNumber, empty: (empty.Messages || []).length === 0, missing,
  }));
}
main();
