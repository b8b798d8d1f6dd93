/**
 * Settler: tells queues what became of pushed messages. One settlement is on its way to a queue at a time, and the next has all
 * that has ended meanwhile. What cannot be told for as long as its lease lasts comes back to the subscription.
 */

import { isStale } from '../../rpc/stale.ts';
import type { NackedTag, SettleRequest } from '../../rpc/queue.ts';
import type { PushRoom, PushSource } from '../../rpc/subscription.ts';
import type { Env } from '../../env.ts';
import { queueStub, topologyStub } from '../../stubs.ts';

export type PushSettlement =
  | { kind: 'ack' | 'release'; tags: readonly string[] }
  | { kind: 'nack'; nacked: readonly NackedTag[] };

/** Before each repetition of a settlement that failed, in ms. */
const RETRY_MS = [50, 500, 2_000, 4_000, 8_000];

/** How long a settlement waits for others, in ms. */
const GATHER_MS = 20;

interface Waiting {
  ack: string[];
  nack: NackedTag[];
  release: string[];
}

export interface SettlerHost {
  readonly env: Env;
  namespace(): string | null;
  room(): PushRoom;
  name(): string;
  /** More will be settled soon. */
  isBusy(): boolean;
  waitUntil(work: Promise<unknown>): void;
}

export class Settler {
  readonly #host: SettlerHost;
  readonly #source: PushSource;
  #waiting: Waiting | null = null;
  #sending: Promise<void> | null = null;

  constructor(host: SettlerHost, source: PushSource) {
    this.#host = host;
    this.#source = { ...source };
  }

  /** The queue was changed, and takes calls that know it. */
  learn({ version }: PushSource): void {
    this.#source.version = Math.max(this.#source.version, version);
  }

  settle(settlement: PushSettlement): void {
    this.#waiting ??= { ack: [], nack: [], release: [] };
    if (settlement.kind === 'nack') this.#waiting.nack.push(...settlement.nacked);
    else this.#waiting[settlement.kind].push(...settlement.tags);
    this.#sending ??= this.#sendAll();
    this.#host.waitUntil(this.#sending);
  }

  /** Resolves when all that was settled has been told, or was given up. */
  async done(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    await this.#gather();
    try {
      for (let waiting = this.#waiting; waiting !== null; waiting = this.#waiting) {
        this.#waiting = null;
        await this.#send(waiting);
        await this.#gather();
      }
    } finally {
      this.#sending = null;
    }
  }

  /** Each settlement is a commit of the queue: while requests are under way, those that end soon share one. */
  async #gather(): Promise<void> {
    await Promise.resolve(); // what ends in the same turn goes together
    if (this.#host.isBusy()) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
  }

  /** Never rejects. */
  async #send(waiting: Waiting): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        if (await this.#trySend(waiting)) return;
      } catch (error) {
        if (attempt === RETRY_MS.length)
          console.error(`subscription ${this.#host.name()} could not settle what it has pushed`, error);
      }
      if (attempt >= RETRY_MS.length) return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS[attempt]));
    }
  }

  /** Returns whether it was told, or has no one to be told. */
  async #trySend({ ack, nack, release }: Waiting): Promise<boolean> {
    const { env } = this.#host;
    const namespace = this.#host.namespace();
    if (namespace === null) return true;
    const { name, id, version } = this.#source;
    const request: SettleRequest = {
      ...(ack.length > 0 && { ack }),
      ...(nack.length > 0 && { nack }),
      ...(release.length > 0 && { release }),
      subscription: { name: this.#host.name(), room: this.#host.room() },
    };
    const bytes = new TextEncoder().encode(JSON.stringify(request));
    const settled = await queueStub(env, { namespace, name, id }).settle(version, bytes);
    if (!isStale(settled)) return true;
    const { queue } = await topologyStub(env, namespace).queue(name);
    if (queue?.id !== id) return true; // deleted, and all messages with it
    this.#source.version = Math.max(this.#source.version, queue.version);
    return false;
  }
}
