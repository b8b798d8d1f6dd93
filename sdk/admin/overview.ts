/** Overview: how a namespace does, as far as its objects have reported. */

import type { Overview as WireOverview } from '../../protocol/schemas/overview.ts';
import type { CallOptions } from '../client/options.ts';
import { eventsOf } from '../client/http/event-stream.ts';
import type { Transport } from '../client/transport.ts';
import { fromWire } from '../client/wire.ts';
import type { NamespaceOverview } from './overview-types.ts';

/** All calls retry temporary failures, and throw `PosthornError`: `invalid_field`, `forbidden`, `connection_failed`, `timeout`, `aborted`. */
export class Overview {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Problems first, then totals, rates of the last minute, and the largest queues, topics and groups.
   * @param limit items of each list; default 100, at most 1,000
   */
  async get({ limit, ...options }: CallOptions & { limit?: number } = {}): Promise<NamespaceOverview> {
    const wire = await this.#transport.json<WireOverview>({
      method: 'GET',
      path: `/overview${queryOf(limit)}`,
      ...options,
    });
    return overviewOf(wire);
  }

  /**
   * The overview now, and again each time that it has changed, at most every two seconds. Ends when the broker ends it, which a new
   * call continues, or when the signal fires.
   *
   * @example for await (const { problems } of posthorn.overview.follow()) console.log(problems);
   */
  async *follow({ limit, signal }: { limit?: number; signal?: AbortSignal } = {}): AsyncGenerator<
    NamespaceOverview,
    void,
    undefined
  > {
    const left = new AbortController();
    const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
    try {
      for await (const data of eventsOf(this.#transport, `/overview/stream${queryOf(limit)}`, either))
        yield overviewOf(JSON.parse(data) as WireOverview);
    } finally {
      left.abort();
    }
  }
}

function queryOf(limit: number | undefined): string {
  return limit === undefined ? '' : `?limit=${limit}`;
}

function overviewOf(wire: WireOverview): NamespaceOverview {
  const named = <Item>(items: readonly object[]) => items.map((item) => fromWire<Item>(item));
  return {
    ...fromWire<NamespaceOverview>(wire),
    problems: named(wire.problems),
    queues: named(wire.queues),
    topics: named(wire.topics),
    groups: named(wire.groups),
  };
}
