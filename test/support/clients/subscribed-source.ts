/** A queue or topic with a subscription to an endpoint of its own, a new one for each test. */

import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { SubscriptionWithStateReply } from '../../../protocol/schemas/subscriptions.ts';
import { TestBroker, type Reply } from '../broker/test-broker.ts';
import { PushEndpoint } from './push-endpoint.ts';

export abstract class SubscribedSource {
  broker!: TestBroker;
  endpoint!: PushEndpoint;
  /** The name of the source, and of its subscription. */
  name = '';
  /** `queues` or `topics`. */
  protected abstract readonly kind: string;

  path(suffix = ''): string {
    return `/v1/default/subscriptions/${this.name}${suffix}`;
  }

  sourcePath(suffix = ''): string {
    return `/v1/default/${this.kind}/${this.name}${suffix}`;
  }

  declare(fields: object = {}): Promise<Reply<{ topology_version: number }>> {
    return this.broker.call('PUT', this.sourcePath(), fields);
  }

  async get(): Promise<SubscriptionWithStateReply> {
    return (await this.broker.call<SubscriptionWithStateReply>('GET', this.path())).body;
  }
}

/** Registers what runs before and after the tests. @returns the source, named by the letter and a number */
export function forTests<Source extends SubscribedSource>(one: Source, letter: string): Source {
  let names = 0;
  beforeAll(async () => {
    one.broker = await TestBroker.start();
  });
  afterAll(() => one.broker.stop());
  beforeEach(async () => {
    one.endpoint = await PushEndpoint.start();
    one.name = `${letter}${++names}`;
  });
  afterEach(async () => {
    await one.broker.call('DELETE', one.path());
    await one.endpoint.stop();
  });
  return one;
}
