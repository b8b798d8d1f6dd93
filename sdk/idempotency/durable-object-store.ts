/**
 * Durable Object store of `once`: keeps the ids of handled messages in the application's own Worker. It writes three
 * rows for each message (claimed, done, removed), and occasionally one for the alarm.
 */

import { murmur2 } from '../../protocol/murmur2.ts';
import { PosthornError } from '../errors.ts';
import { bytesOfText } from '../values/text.ts';
import { HandledIds } from './handled-ids.ts';
import type { Claim, IdempotencyStore } from './once.ts';

/** The part of a Durable Object's state that the store uses. */
export interface ObjectState {
  storage: {
    sql: {
      exec(
        statement: string,
        ...values: (string | number | null)[]
      ): { toArray(): Record<string, unknown>[] };
    };
    getAlarm(): Promise<number | null>;
    setAlarm(atMs: number): Promise<void>;
  };
}

/** A binding to the class `HandledMessages`. */
export interface HandledMessagesNamespace {
  getByName(name: string): { fetch(url: string, init: { method: string; body: string }): Promise<Response> };
}

type Call =
  | { call: 'claim'; id: string; token: string; leaseMs: number }
  | { call: 'complete'; id: string; token: string; result: string | null; keepMs: number }
  | { call: 'release'; id: string; token: string };

/** The time between two searches for expired ids, in ms. Each alarm costs a row. */
const SWEEP_MS = 86_400_000;

/**
 * The class that the worker exports, with a migration `new_sqlite_classes: ["HandledMessages"]`.
 * @example export { HandledMessages } from 'posthorn';
 */
export class HandledMessages {
  readonly #storage: ObjectState['storage'];
  readonly #ids: HandledIds;

  constructor({ storage }: ObjectState) {
    this.#storage = storage;
    this.#ids = new HandledIds({
      all: (statement, ...values) => storage.sql.exec(statement, ...values).toArray(),
    });
  }

  async fetch(request: Request): Promise<Response> {
    const body = (await request.json()) as Call;
    const nowMs = Date.now();
    switch (body.call) {
      case 'claim': {
        const claim = this.#ids.claim(body.id, body.token, body.leaseMs, nowMs);
        if ((await this.#storage.getAlarm()) === null) await this.#storage.setAlarm(nowMs + SWEEP_MS);
        return Response.json(claim);
      }
      case 'complete':
        return Response.json(this.#ids.complete(body.id, body.token, body.result, body.keepMs, nowMs));
      case 'release':
        this.#ids.release(body.id, body.token);
        return Response.json(true);
    }
  }

  async alarm(): Promise<void> {
    const nextMs = this.#ids.sweep(Date.now());
    if (nextMs !== null) await this.#storage.setAlarm(Math.max(nextMs, Date.now() + SWEEP_MS));
  }
}

export interface DurableObjectStoreOptions {
  /** Objects that share the ids, 1 to 1,000. Default 8. One takes some hundred messages a second; do not change it later. */
  objects?: number;
}

/**
 * Keeps ids in Durable Objects of the class `HandledMessages`.
 * @example const store = durableObjectStore(env.HANDLED_MESSAGES);
 */
export function durableObjectStore(
  namespace: HandledMessagesNamespace,
  { objects = 8 }: DurableObjectStoreOptions = {},
): IdempotencyStore {
  const call = async <Answer>(body: Call): Promise<Answer> => {
    const number = (murmur2(bytesOfText(body.id)) >>> 0) % objects;
    const stub = namespace.getByName(`handled-${number}`);
    const response = await stub.fetch('https://handled-messages/', {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (response.ok) return (await response.json()) as Answer;
    throw new PosthornError('store_unavailable', `the store of handled messages answers ${response.status}`, {
      retryable: true,
    });
  };
  return {
    claim: (id, token, leaseMs) => call<Claim>({ call: 'claim', id, token, leaseMs }),
    complete: (id, token, result, keepMs) => call<boolean>({ call: 'complete', id, token, result, keepMs }),
    release: async (id, token) => void (await call({ call: 'release', id, token })),
  };
}
