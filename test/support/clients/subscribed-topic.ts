/** A topic with a subscription to an endpoint of its own, a new one for each test. */

import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { SubscriptionReply, SubscriptionSought } from '../../../protocol/schemas/subscriptions.ts';
import type { PushRequest } from './push-endpoint.ts';
import type { Reply } from '../broker/test-broker.ts';
import { forTests, SubscribedSource } from './subscribed-source.ts';
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

export class SubscribedTopic extends SubscribedSource {
  protected readonly kind = 'topics';

  static forTests(): SubscribedTopic {
    return forTests(new SubscribedTopic(), 't');
  }

  subscribe(source: object = {}, fields: object = {}): Promise<Reply<SubscriptionReply & ProblemDocument>> {
    return this.broker.call('PUT', this.path(), {
      source: { topic: this.name, ...source },
      target: { url: this.endpoint.url },
      ...fields,
    });
  }

  produce(records: object[]): Promise<Reply<ProblemDocument>> {
    return this.broker.call('POST', this.sourcePath('/records'), { records });
  }

  /** Produces values without keys to a partition. */
  produceTo(partition: number, ...values: unknown[]): Promise<Reply<ProblemDocument>> {
    return this.produce(values.map((value) => ({ value, partition })));
  }

  seek(fields: object): Promise<Reply<SubscriptionSought & ProblemDocument>> {
    return this.broker.call('POST', this.path('/seek'), fields);
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
