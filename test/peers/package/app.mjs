/** What a program of a user does, on the platform that runs it: produce, read as a group, publish, consume with a retry. */

import { Posthorn } from 'posthorn';

const COUNT = 500;
const [topic, queue, group] = ['records', 'messages', 'readers'];

const posthorn = new Posthorn({ url: process.env.POSTHORN_URL });
await posthorn.topics.declare(topic, { partitions: 2 });
await posthorn.queues.declare(queue, { retry: { scheduleMs: [100] } });

const numbers = Array.from({ length: COUNT }, (_, n) => n);
const producer = posthorn.producer();
await Promise.all(numbers.map((n) => producer.send(topic, { key: `key-${n}`, value: { n } })));
await producer.close();
const publisher = posthorn.publisher();
await Promise.all(numbers.map((n) => publisher.sendToQueue(queue, { body: { n } })));
await publisher.close();

const read = new Set();
const readers = posthorn.consumer({
  group,
  topics: [topic],
  eachRecord: (record) => {
    read.add(record.json().n);
    if (read.size === COUNT) void readers.stop();
  },
});
await readers.done;

const consumed = new Set();
let failures = 0;
const consumer = posthorn.consumer(queue, (message) => {
  const { n } = message.json();
  if (n === 7 && failures === 0) {
    failures += 1;
    throw new Error('not at the first time');
  }
  consumed.add(n);
  if (consumed.size === COUNT) void consumer.stop();
});
await consumer.done;
console.log(JSON.stringify({ read: read.size, consumed: consumed.size, failures }));
