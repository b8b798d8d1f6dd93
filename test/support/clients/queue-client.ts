/** Queue client of the tests: calls queues over HTTP. */

import { expect } from 'vitest';
import type { DeadLetterList } from '../../../protocol/schemas/dead-letters.ts';
import type { Deliveries, QueuePublished, SettledReply } from '../../../protocol/schemas/deliveries.ts';
import type { QueueReply, QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import type { Reply, TestBroker } from '../broker/test-broker.ts';

const QUEUES = '/v1/default/queues';

export function tagsOf(deliveries: { delivery_tag: string }[]): string[] {
  return deliveries.map(({ delivery_tag }) => delivery_tag);
}

/** Takes and acknowledges the messages of a queue. Returns their bodies. */
export async function drainQueue(broker: TestBroker, path: string): Promise<unknown[]> {
  const { body } = await broker.call<{ deliveries: { body: unknown; delivery_tag: string }[] }>(
    'POST',
    `${path}/deliveries`,
    { max: 1_000 },
  );
  const ack = tagsOf(body.deliveries);
  if (ack.length > 0) await broker.call('POST', `${path}/settlements`, { ack });
  return body.deliveries.map((delivery) => delivery.body);
}

export class QueueClient {
  readonly broker: TestBroker;

  constructor(broker: TestBroker) {
    this.broker = broker;
  }

  declare(queue: string, declaration: object = {}): Promise<Reply<QueueReply>> {
    return this.broker.call('PUT', `${QUEUES}/${queue}`, declaration);
  }

  publish(queue: string, messages: object[]): Promise<Reply<QueuePublished>> {
    return this.broker.call('POST', `${QUEUES}/${queue}/messages`, { messages });
  }

  async take(queue: string, fields: object = {}): Promise<Deliveries['deliveries']> {
    const path = `${QUEUES}/${queue}/deliveries`;
    return (await this.broker.call<Deliveries>('POST', path, { max: 100, ...fields })).body.deliveries;
  }

  async settle(queue: string, fields: object): Promise<string[]> {
    const path = `${QUEUES}/${queue}/settlements`;
    const { body } = await this.broker.call<SettledReply>('POST', path, fields);
    return body.results.map(({ outcome }) => outcome);
  }

  /** Publishes messages and rejects all, each with an error. */
  async kill(queue: string, messages: object[], error: object = {}): Promise<void> {
    await this.publish(queue, messages);
    const deliveries = await this.take(queue, { consumer_id: 'worker-1' });
    expect(deliveries).toHaveLength(messages.length);
    const reject = tagsOf(deliveries).map((tag) => ({ tag, error }));
    expect(await this.settle(queue, { reject })).toEqual(messages.map(() => 'dead_lettered'));
  }

  async state(queue: string): Promise<QueueWithStateReply['state']> {
    return (await this.broker.call<QueueWithStateReply>('GET', `${QUEUES}/${queue}`)).body.state;
  }

  async deadLetters(queue: string, query = ''): Promise<DeadLetterList> {
    const path = `${QUEUES}/${queue}/dead-letters?${query}`;
    return (await this.broker.call<DeadLetterList>('GET', path)).body;
  }

  /** Asks until the answer will do: what objects send each other takes a moment. */
  async until<Answer>(ask: () => Promise<Answer>, isEnough: (answer: Answer) => boolean): Promise<Answer> {
    for (const endMs = performance.now() + 15_000; ;) {
      const answer = await ask();
      if (isEnough(answer)) return answer;
      if (performance.now() > endMs) throw new Error(`still ${JSON.stringify(answer)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Waits until a queue holds so many dead letters. */
  async deadLettersOnce(queue: string, count: number, query = ''): Promise<DeadLetterList['dead_letters']> {
    const list = await this.until(
      () => this.deadLetters(queue, query),
      ({ dead_letters: letters }) => letters?.length === count,
    );
    return list.dead_letters;
  }
}
