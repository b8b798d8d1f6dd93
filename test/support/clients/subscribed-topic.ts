/** A topic with a subscription to an endpoint of its own, a new one for each test. */

import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type {
  SubscriptionReply,
  SubscriptionSought,
  SubscriptionWithStateReply,
} from '../../../protocol/schemas/subscriptions.ts';
import { PushEndpoint, type PushRequest } from './push-endpoint.ts';
import { TestBroker, type Reply } from '../broker/test-broker.ts';
import { until } from './webhook-receiver.ts';

export interface PushedRecords {
  namespace: string;
  topic: string;
  subscription: string;
  messages: {
    id: string;
    attempt: number;
    partition: number;
    offset: number;
    key: string | null;
    value: unknown;
  }[];
}

export class SubscribedTopic {
  broker!: TestBroker;
  endpoint!: PushEndpoint;
  /** The name of the topic, and of its subscription. */
  name = '';

  /** Registers what runs before and after the tests. */
  static forTests(): SubscribedTopic {
    const one = new SubscribedTopic();
    let names = 0;
    beforeAll(async () => {
      one.broker = await TestBroker.start();
    });
    afterAll(() => one.broker.stop());
    beforeEach(async () => {
      one.endpoint = await PushEndpoint.start();
      one.name = `t${++names}`;
    });
    afterEach(async () => {
      await one.broker.call('DELETE', one.path());
      await one.endpoint.stop();
    });
    return one;
  }

  path(suffix = ''): string {
    return `/v1/default/subscriptions/${this.name}${suffix}`;
  }

  declare(fields: object = {}): Promise<Reply<{ topology_version: number }>> {
    return this.broker.call('PUT', `/v1/default/topics/${this.name}`, fields);
  }

  subscribe(source: object = {}, fields: object = {}): Promise<Reply<SubscriptionReply & ProblemDocument>> {
    return this.broker.call('PUT', this.path(), {
      source: { topic: this.name, ...source },
      target: { url: this.endpoint.url },
      ...fields,
    });
  }

  produce(records: object[]): Promise<Reply<ProblemDocument>> {
    return this.broker.call('POST', `/v1/default/topics/${this.name}/records`, { records });
  }

  /** Produces values without keys to a partition. */
  produceTo(partition: number, ...values: unknown[]): Promise<Reply<ProblemDocument>> {
    return this.produce(values.map((value) => ({ value, partition })));
  }

  seek(fields: object): Promise<Reply<SubscriptionSought & ProblemDocument>> {
    return this.broker.call('POST', this.path('/seek'), fields);
  }

  async get(): Promise<SubscriptionWithStateReply> {
    return (await this.broker.call<SubscriptionWithStateReply>('GET', this.path())).body;
  }

  /** Waits until all is settled. */
  untilDone(withinMs?: number): Promise<void> {
    return until(async () => (await this.get()).state.lag === 0, 'no lag', withinMs);
  }

  /** The values of all records that came, in order. */
  values(): unknown[] {
    return this.endpoint.requests.flatMap(valuesOf);
  }
}

export const recordsOf = (request: PushRequest): PushedRecords['messages'] =>
  (JSON.parse(request.bytes.toString()) as PushedRecords).messages;

export const valuesOf = (request: PushRequest): unknown[] => recordsOf(request).map(({ value }) => value);
