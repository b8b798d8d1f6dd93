/** A queue with a subscription to an endpoint of its own, a new one for each test. */

import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { QueueStatus, QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import type { Attempt, Attempts, SubscriptionReply } from '../../../protocol/schemas/subscriptions.ts';
import type { PushRequest } from './push-endpoint.ts';
import type { Reply } from '../broker/test-broker.ts';
import { forTests, SubscribedSource } from './subscribed-source.ts';
import { until } from './webhook-receiver.ts';

export interface Pushed {
  namespace: string;
  queue: string;
  subscription: string;
  messages: { id: string; attempt: number; body: unknown }[];
}

export interface Letter {
  error: { type: string; message: string; stack_trace: string | null };
  metadata: { retry_count: number; reason: string };
}

export class SubscribedQueue extends SubscribedSource {
  protected readonly kind = 'queues';

  static forTests(): SubscribedQueue {
    return forTests(new SubscribedQueue(), 'q');
  }

  subscribe(fields: object = {}): Promise<Reply<SubscriptionReply & ProblemDocument>> {
    const declaration = { source: { queue: this.name }, target: { url: this.endpoint.url }, ...fields };
    return this.broker.call('PUT', this.path(), declaration);
  }

  publishAll(messages: object[]): Promise<Reply<ProblemDocument>> {
    return this.broker.call('POST', this.sourcePath('/messages'), { messages });
  }

  publish(...bodies: unknown[]): Promise<Reply<ProblemDocument>> {
    return this.publishAll(bodies.map((body) => ({ body })));
  }

  async queueState(): Promise<QueueStatus> {
    return (await this.broker.call<QueueWithStateReply>('GET', this.sourcePath())).body.state;
  }

  async attempts(query = ''): Promise<Attempt[]> {
    return (await this.broker.call<Attempts>('GET', this.path(`/attempts${query}`))).body.attempts;
  }

  /** Waits until all is settled. */
  untilEmpty(): Promise<void> {
    return until(async () => {
      const { ready, leased, parked } = await this.queueState();
      return ready + leased + parked === 0;
    }, 'an empty queue');
  }

  /** The bodies of all messages that came, in order. */
  bodies(): unknown[] {
    return this.endpoint.requests.flatMap(bodiesOf);
  }

  async untilLetters(count: number): Promise<Letter[]> {
    let letters: Letter[] = [];
    const path = `/v1/default/queues/${this.name}.dlq/dead-letters`;
    await until(async () => {
      letters = (await this.broker.call<{ dead_letters?: Letter[] }>('GET', path)).body.dead_letters ?? [];
      return letters.length >= count;
    }, `${count} dead letters`);
    return letters;
  }
}

export const bodiesOf = (request: PushRequest): unknown[] =>
  (JSON.parse(request.bytes.toString()) as Pushed).messages.map(({ body }) => body);
