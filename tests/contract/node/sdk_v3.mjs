// The whole life of a message through the AWS SDK for JavaScript v3; prints what it saw as JSON.
import {
  SQSClient, CreateQueueCommand, SendMessageCommand, SendMessageBatchCommand, ReceiveMessageCommand, DeleteMessageCommand,
  ChangeMessageVisibilityCommand, GetQueueAttributesCommand, ListQueuesCommand, GetQueueUrlCommand, TagQueueCommand, ListQueueTagsCommand,
  DeleteMessageBatchCommand,
} from '@aws-sdk/client-sqs';

const client = new SQSClient({});
const send = (command) => client.send(command);
const { QueueUrl } = await send(new CreateQueueCommand({ QueueName: 'sdk-v3', Attributes: { VisibilityTimeout: '30' }, tags: { team: 'orders' } }));
const sent = await send(new SendMessageCommand({
  QueueUrl, MessageBody: 'grüße ✓ \r\n "quoted"', MessageAttributes: { n: { DataType: 'Number', StringValue: '1' }, b: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) } },
}));
const received = await send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'], WaitTimeSeconds: 1 }));
const message = received.Messages[0];
await send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 60 }));
await send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
const batch = await send(new SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: 'a', MessageBody: '1' }, { Id: 'b', MessageBody: '\uffff' }] }));
const again = await send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
const deleted = await send(new DeleteMessageBatchCommand({ QueueUrl, Entries: again.Messages.map((m, i) => ({ Id: `d${i}`, ReceiptHandle: m.ReceiptHandle })) }));
await send(new TagQueueCommand({ QueueUrl, Tags: { stage: 'test' } }));
let missing;
try { await send(new GetQueueUrlCommand({ QueueName: 'no-such-queue' })); } catch (error) { missing = { name: error.name, status: error.$metadata.httpStatusCode }; }
console.log(JSON.stringify({
  sent: sent.MessageId === message.MessageId, body: message.Body, binary: [...message.MessageAttributes.b.BinaryValue], count: message.Attributes.ApproximateReceiveCount,
  batch: { ok: batch.Successful.length, failed: batch.Failed.map((f) => f.Code) }, deleted: deleted.Successful.length,
  listed: (await send(new ListQueuesCommand({ QueueNamePrefix: 'sdk-v3' }))).QueueUrls.length, tags: (await send(new ListQueueTagsCommand({ QueueUrl }))).Tags,
  visibility: (await send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes.VisibilityTimeout, missing,
}));
