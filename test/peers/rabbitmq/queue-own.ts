/** The queue of a scenario in Posthorn, over plain HTTP. */

import { Agent, request } from 'node:http';
import { writeJson } from '../../../protocol/json/json-text.ts';
import { decodeDeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import type { Deliveries, QueuePublished, SettledReply } from '../../../protocol/schemas/deliveries.ts';
import { DELIVERIES_TYPE } from '../../../protocol/headers/media-types.ts';
import {
  DEATH_QUEUE_HEADER,
  DEATH_REASON_HEADER,
  messageOfRecord,
} from '../../../protocol/schemas/messages.ts';
import type { QueueDeclaration, QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { recordsIn, type LogRecord } from '../../../protocol/record-batch/index.ts';
import type { Consumer, MessageSettings, QueueSettings } from './queue-generate.ts';
import type { DeadLetter, QueueSide, Settling, Taken } from './queue-side.ts';

/** Longer than any scenario: leases are not what is compared. */
const LEASE_MS = 600_000;
/** As many as a retry schedule may have. */
const RETRIES_MAX = 100;
const DEAD_LETTERS_MS_MAX = 5_000;

const SETTLED = {
  ack: ['settled'],
  reject: ['dead_lettered'],
  release: ['requeued'],
  nack: ['requeued', 'dead_lettered'],
};

const agent = new Agent({ keepAlive: true });

export class PosthornQueue implements QueueSide {
  readonly #url: string;
  readonly #queue: string;
  /** Tags. */
  readonly #held: Record<Consumer, string[]> = { a: [], b: [] };
  #settings!: QueueSettings;

  constructor(url: string, queue: string) {
    this.#url = url;
    this.#queue = queue;
  }

  async declare(settings: QueueSettings): Promise<void> {
    this.#settings = settings;
    const { maxPriority, maxLength, overflow, messageTtlMs, deliveryLimit } = settings;
    const declaration: QueueDeclaration = {
      max_priority: maxPriority,
      max_length: maxLength,
      overflow,
      message_ttl_ms: messageTtlMs,
      lease_ms: LEASE_MS,
      retry: { schedule_ms: Array<number>(deliveryLimit ?? RETRIES_MAX).fill(0) },
      dead_letter: { queue: this.#deadLetterQueue },
    };
    await this.#json('PUT', this.#deadLetterQueue, { dead_letter: 'none' });
    await this.#json('PUT', this.#queue, declaration);
  }

  async publish(firstId: number, messages: readonly MessageSettings[]): Promise<boolean[]> {
    const { status, body } = await this.#call('POST', `${this.#queue}/messages`, {
      messages: messages.map(({ priority, expirationMs }, place) => ({
        body: firstId + place,
        properties: {
          ...(priority !== undefined && { priority }),
          ...(expirationMs !== undefined && { expiration_ms: expirationMs }),
        },
      })),
    });
    if (status === 429) return messages.map(() => false);
    if (status !== 200) throw new Error(`publish: ${status} ${body.toString()}`);
    const { results } = JSON.parse(body.toString()) as QueuePublished;
    return results.map(({ outcome }) => outcome === 'stored');
  }

  async get(by: Consumer, max: number): Promise<Taken[]> {
    const path = `${this.#queue}/deliveries`;
    const { deliveries } = await this.#json<Deliveries>('POST', path, { max, consumer_id: by });
    this.#held[by].push(...deliveries.map(({ delivery_tag }) => delivery_tag));
    return deliveries.map(({ body, redelivered, delivery_count, properties }) => ({
      id: Number(body),
      redelivered,
      priority: properties.priority ?? null,
      deliveryCount: this.#settings.isQuorum ? delivery_count : null,
    }));
  }

  async settle(by: Consumer, places: readonly number[], how: Settling): Promise<void> {
    const tags = places.map((place) => this.#held[by][place]!);
    this.#held[by] = this.#held[by].filter((_, place) => !places.includes(place));
    const items = how === 'ack' || how === 'release' ? tags : tags.map((tag) => ({ tag }));
    const path = `${this.#queue}/settlements`;
    const { results } = await this.#json<SettledReply>('POST', path, { [how]: items, consumer_id: by });
    const wrong = results.find(({ outcome }) => !SETTLED[how].includes(outcome));
    if (wrong) throw new Error(`${how}: ${wrong.tag} is ${wrong.outcome}`);
  }

  async leave(by: Consumer): Promise<void> {
    await this.settle(
      by,
      this.#held[by].map((_, place) => place),
      'release',
    );
  }

  async purge(): Promise<number> {
    return (await this.#json<{ purged: number }>('POST', `${this.#queue}/purge`)).purged;
  }

  held(by: Consumer): number {
    return this.#held[by].length;
  }

  async ready(): Promise<number | null> {
    if (this.#settings.isQuorum) return null;
    return (await this.#state(this.#queue)).ready;
  }

  async deadLetters(): Promise<DeadLetter[]> {
    const deadline = Date.now() + DEAD_LETTERS_MS_MAX;
    while ((await this.#state(this.#queue)).outgoing > 0) {
      if (Date.now() > deadline) throw new Error('dead letters do not leave the queue');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const path = `${this.#deadLetterQueue}/deliveries`;
    const { body } = await this.#call('POST', path, { max: 10_000 }, DELIVERIES_TYPE);
    return body.length === 0 ? [] : deadLettersOf(body);
  }

  async remove(): Promise<void> {
    await this.#json('DELETE', this.#queue);
    await this.#json('DELETE', this.#deadLetterQueue);
  }

  get #deadLetterQueue(): string {
    return `${this.#queue}.dlq`;
  }

  async #state(queue: string): Promise<QueueWithStateReply['state']> {
    return (await this.#json<QueueWithStateReply>('GET', queue)).state;
  }

  async #json<Body>(method: string, path: string, fields?: object): Promise<Body> {
    const { status, body } = await this.#call(method, path, fields);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${body.toString()}`);
    return JSON.parse(body.toString() || 'null') as Body;
  }

  #call(
    method: string,
    path: string,
    fields?: object,
    accept = 'application/json',
  ): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const headers = { accept, ...(fields && { 'content-type': 'application/json' }) };
      const url = `${this.#url}/v1/default/queues/${path}`;
      request(url, { method, agent, headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
      })
        .on('error', reject)
        .end(fields && JSON.stringify(fields));
    });
  }
}

/** From the frame, because why a message died is told by headers that JSON leaves out. */
function deadLettersOf(frame: Buffer): DeadLetter[] {
  return decodeDeliveryFrame(frame).sections.flatMap(({ runs, batches }) => {
    const records = new Map(recordsIn(batches).map((record) => [record.offset, record]));
    return runs.flatMap(({ start, end, delivery }) =>
      Array.from({ length: end - start }, (_, i): DeadLetter => {
        const record = records.get(start + i)!;
        const { body, properties } = messageOfRecord(record);
        return {
          id: Number(writeJson(body)),
          redelivered: delivery > 1,
          priority: properties.priority ?? null,
          deliveryCount: null,
          reason: headerOf(record, DEATH_REASON_HEADER),
          queue: headerOf(record, DEATH_QUEUE_HEADER),
          hasExpiration: properties.expiration_ms !== undefined,
        };
      }),
    );
  });
}

function headerOf({ headers }: LogRecord, name: string): string {
  const value = headers.find(({ key }) => key === name)?.value;
  return value ? new TextDecoder().decode(value) : 'none';
}
