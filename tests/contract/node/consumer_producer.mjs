// sqs-producer sends twenty messages, sqs-consumer handles each once; prints the bodies that it handled.
import { Consumer } from 'sqs-consumer';
import { Producer } from 'sqs-producer';
import { SQSClient, CreateQueueCommand } from '@aws-sdk/client-sqs';

const sqs = new SQSClient({});
const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'consumer-producer' }));
const producer = Producer.create({ queueUrl: QueueUrl, sqs });
await producer.send(Array.from({ length: 20 }, (_, i) => ({ id: `m${i}`, body: `body ${i}` })));
const handled = [];
const consumer = Consumer.create({
  queueUrl: QueueUrl, sqs, batchSize: 10, waitTimeSeconds: 1,
  handleMessage: async (message) => { handled.push(message.Body); return message; },
});
consumer.on('empty', () => consumer.stop());
consumer.on('stopped', () => console.log(JSON.stringify({ handled, left: 0 })));
for (const event of ['error', 'processing_error']) consumer.on(event, (error) => { console.error(error); process.exit(1); });
consumer.start();
