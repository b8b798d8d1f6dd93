/** A namespace with an object of every kind, and what is left of it on disk. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Sends a request as someone who may do everything. Throws what is no success. */
export type Send = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;

/** @param marker stands in every message, record and state that is stored, but in no name of an object: workerd keeps those */
export async function fillNamespace(send: Send, namespace: string, marker: string): Promise<void> {
  const base = `/v1/${namespace}`;
  await send('PUT', `${base}/topics/events`, { partitions: 5 });
  await send('PUT', `${base}/queues/jobs`, { max_priority: 3 });
  await send('PUT', `${base}/queues/loose`, { dead_letter: 'none' });
  await send('PUT', `${base}/exchanges/orders`, { type: 'topic' });
  for (const destination of [
    { kind: 'queue', name: 'jobs' },
    { kind: 'topic', name: 'events' },
  ])
    await send('POST', `${base}/exchanges/orders/bindings`, { destination, routing_key: '#' });
  await send('PUT', `${base}/policies/all`, { pattern: '*', definition: { max_length: 1_000 } });
  await send('PUT', `${base}/alerts/depth`, {
    pattern: '*',
    metric: 'depth',
    threshold: 1,
    webhook: { url: 'https://alerts.example.com/hook' },
  });
  await send('PUT', `${base}/schedules/often`, {
    cron: '* * * * *',
    target: { queue: 'jobs' },
    message: { body: marker },
  });
  await send('PUT', `${base}/queues/pushed`, {});
  await send('PUT', `${base}/subscriptions/push`, {
    source: { queue: 'pushed' },
    target: { url: 'https://hooks.example.com/push' },
    authorization: marker,
  });
  await send('PUT', `${base}/hooks/in`, { target: { queue: 'jobs' }, scheme: 'github', secret: marker });
  await send('PUT', `${base}/share-groups/sharers`, { topics: ['events'], start: 'earliest' });
  await send('PUT', `${base}/limits`, { rows_written_per_hour: 100_000 });
  await send('POST', `${base}/exchanges/orders/messages`, {
    messages: Array.from({ length: 20 }, (_, nth) => ({ routing_key: `k.${nth}`, body: marker })),
  });
  await send('POST', `${base}/topics/events/records`, {
    records: Array.from({ length: 20 }, (_, nth) => ({ key: `k${nth}`, value: marker })),
  });
  await send('POST', `${base}/share-groups/sharers/records`, { member_id: marker, max_records: 3 });
  const { member_id: member } = await send('POST', `${base}/groups/readers/members`, {
    topics: ['events'],
    instance_id: marker,
  });
  await send('GET', `${base}/groups/readers/members/${String(member)}/records?wait_ms=0`);
  const delivered = (await send('POST', `${base}/queues/jobs/deliveries`, { max: 2 })) as {
    deliveries: { delivery_tag: string }[];
  };
  const tag = delivered.deliveries[0]!.delivery_tag;
  await send('POST', `${base}/queues/jobs/settlements`, { reject: [{ tag, error: { message: marker } }] });
  const producer = await send('POST', `${base}/producers`, { transactional_id: 'payments' });
  await send('POST', `${base}/transactions/payments/messages`, {
    producer: { id: producer['id'], epoch: producer['epoch'] },
    sequence: 0,
    queue: 'jobs',
    messages: [{ body: marker }],
  });
  await send('POST', `${base}/producers`, { transactional_id: 'unused' });
}

/** Files below a folder in which a text stands. */
export async function filesWith(folder: string, text: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const file of files.filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name);
    const content = await readFile(path).catch(() => Buffer.alloc(0)); // one that has gone meanwhile
    if (content.includes(text)) found.push(path);
  }
  return found;
}
