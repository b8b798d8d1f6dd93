/** Dead letters: look at them, send them back, replay, purge, export. */

import type {
  DeadLetter as DeadLetterJson,
  DeadLetterList,
  DryRun,
  Replay as ReplayJson,
} from '../protocol/dead-letters.ts';
import type { CallOptions } from './client/options.ts';
import { sleep } from './client/sleep.ts';
import { jsonBody, type HttpCall, type Transport } from './client/transport.ts';
import type { MessageProperties, OutgoingMessage } from './message-input.ts';
import { checkName, queuePath } from './names.ts';
import { PeekedMessage } from './peeked-message.ts';
import { fromWire, toWire } from './wire.ts';

/** Which dead letters are meant: those to which all of it applies. */
export interface DeadLetterFilter {
  reason?: 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';
  errorType?: string;
  /** Died at this time or later, and before that. */
  from?: Date;
  to?: Date;
  /** The ordering key. */
  key?: string;
  routingKey?: string;
  originalQueue?: string;
}

export interface DeadLetter {
  id: string;
  originalMessage: PeekedMessage;
  /** What the consumer said of its last failed attempt. */
  error: { type: string | null; message: string | null; stackTrace: string | null };
  /** Times are RFC 3339. */
  metadata: {
    retryCount: number;
    firstAttempt: string | null;
    lastAttempt: string | null;
    originalQueue: string | null;
    consumerId: string | null;
    reason: 'rejected' | 'expired' | 'maxlen' | 'delivery_limit' | null;
    exchange: string | null;
    routingKey: string | null;
    diedAt: string | null;
    diedIn: string | null;
    hops: number;
    /** Its deaths and replays, the last first. */
    history: { queue: string; reason: string; count: number; firstAt: string; lastAt: string }[];
  };
}

export type ReplayTo = { queue: string } | { exchange: string; routingKey?: string };

export interface ReplayOptions {
  /** Only these. */
  ids?: readonly string[];
  /** Only those that match. */
  filter?: DeadLetterFilter;
  /** Default: the queue where each died first. */
  to?: ReplayTo;
  /** Messages at most. */
  limit?: number;
  /** Messages per second at most. Default: as fast as it goes. */
  ratePerS?: number;
}

export interface ReplayProgress {
  id: string;
  state: 'running' | 'done' | 'cancelled';
  /** Messages that were there when it began. */
  total: number;
  lookedAt: number;
  moved: number;
  /** Those that stay: nobody knows where they came from, or the broker has published them on too often. */
  skipped: number;
}

/** Between two looks at a replay, in ms. */
const LOOK_MS = 500;

/**
 * `queue` is the queue where messages died, or the one that holds them. All calls throw `PosthornError`:
 * `queue_not_found`, `queue_unavailable`, `invalid_field`, `connection_failed`, `timeout`, `aborted`, and what is said
 * below.
 */
export class DeadLetters {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * All that match, page by page.
   *
   * @example for await (const { error, originalMessage } of posthorn.deadLetters.list('mails')) console.log(error.message);
   */
  async *list(
    queue: string,
    filter: DeadLetterFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<DeadLetter> {
    for await (const json of this.#each(queue, filter, options)) yield deadLetterOf(json);
  }

  /** All that match as JSON, a line each, without line ends. */
  async *export(
    queue: string,
    filter: DeadLetterFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<string> {
    for await (const json of this.#each(queue, filter, options)) yield JSON.stringify(json);
  }

  /** @throws PosthornError `dead_letter_not_found` */
  async get(queue: string, id: string, options: CallOptions = {}): Promise<DeadLetter> {
    const path = `${pathOf(queue)}/${checkName('dead letter', id)}`;
    return deadLetterOf(await this.#transport.json<DeadLetterJson>({ method: 'GET', path, ...options }));
  }

  /**
   * Sends one back, changed where that is asked for: what is not named stays.
   *
   * @throws PosthornError `dead_letter_not_found`, `replay_refused`, `invalid_message`
   */
  async resend(
    queue: string,
    id: string,
    change: { body?: JsonBody; headers?: OutgoingMessage['headers']; properties?: MessageProperties } = {},
    { to, ...options }: CallOptions & { to?: ReplayTo } = {},
  ): Promise<void> {
    const { properties, ...rest } = change;
    const message = { ...rest, ...(properties && { properties: toWire(properties) }) };
    const isChanged = Object.keys(message).length > 0;
    const fields = { ...(isChanged && { message }), ...(to && { to: toWire(to) }) };
    const path = `${pathOf(queue)}/${checkName('dead letter', id)}/resend`;
    await this.#transport.json<unknown>(
      { method: 'POST', path, ...jsonBody(fields), ...options },
      (error, attempt) => {
        if (attempt > 1 && error.code === 'dead_letter_not_found') return null; // the first attempt has sent it
        throw error;
      },
    );
  }

  /**
   * Sends many back, and resolves when all have left. Each is moved once, whatever fails on the way.
   *
   * @param options.onProgress called with how far it is, about twice a second
   * @throws PosthornError `exchange_not_found`; `aborted` ends the waiting, not the replay: `cancel` does
   */
  async replay(
    queue: string,
    {
      onProgress,
      ...order
    }: ReplayOptions & CallOptions & { onProgress?: (progress: ReplayProgress) => void } = {},
  ): Promise<ReplayProgress> {
    const { signal, timeoutMs, ...fields } = order;
    const options = { signal, timeoutMs };
    let progress = await this.#post<ReplayJson>(
      queue,
      { id: crypto.randomUUID(), ...wireOf(fields) },
      options,
    );
    while (progress.state === 'running') {
      onProgress?.(progressOf(progress));
      await sleep(LOOK_MS, signal);
      const path = `${pathOf(queue)}/replays/${progress.id}`;
      progress = await this.#transport.json<ReplayJson>({ method: 'GET', path, ...options });
    }
    onProgress?.(progressOf(progress));
    return progressOf(progress);
  }

  /** How many a replay would move, and how many it would have to leave. */
  async dryRun(
    queue: string,
    { signal, timeoutMs, ...fields }: ReplayOptions & CallOptions = {},
  ): Promise<{ wouldReplay: number; wouldSkip: number }> {
    const order = { dry_run: true, ...wireOf(fields) };
    const reply = await this.#post<DryRun>(queue, order, { signal, timeoutMs });
    return { wouldReplay: reply.would_replay, wouldSkip: reply.would_skip };
  }

  /** Stops a replay. What has left stays where it went. @throws PosthornError `replay_not_found` */
  async cancel(queue: string, replayId: string, options: CallOptions = {}): Promise<ReplayProgress> {
    const path = `${pathOf(queue)}/replays/${checkName('replay', replayId)}`;
    return progressOf(await this.#transport.json<ReplayJson>({ method: 'DELETE', path, ...options }));
  }

  /** Removes for good all that match. @returns how many */
  async purge(queue: string, filter: DeadLetterFilter = {}, options: CallOptions = {}): Promise<number> {
    const call: HttpCall = { method: 'DELETE', path: pathOf(queue), query: queryOf(filter), ...options };
    return (await this.#transport.json<{ purged: number }>(call)).purged;
  }

  async *#each(
    queue: string,
    filter: DeadLetterFilter,
    options: CallOptions,
  ): AsyncGenerator<DeadLetterJson> {
    let next: string | undefined;
    do {
      const query = { ...queryOf(filter), next };
      const page = await this.#transport.json<DeadLetterList>({
        method: 'GET',
        path: pathOf(queue),
        query,
        ...options,
      });
      yield* page.dead_letters;
      next = page.next;
    } while (next !== undefined);
  }

  async #post<Reply>(
    queue: string,
    fields: object,
    options: { signal: AbortSignal | undefined; timeoutMs: number | undefined },
  ): Promise<Reply> {
    const path = `${pathOf(queue)}/replay`;
    return await this.#transport.json<Reply>({ method: 'POST', path, ...jsonBody(fields), ...options });
  }
}

type JsonBody = OutgoingMessage['body'];

const pathOf = (queue: string): string => `${queuePath(queue)}/dead-letters`;

function filterOf({ from, to, ...filter }: DeadLetterFilter): Record<string, unknown> {
  return {
    ...toWire(filter),
    ...(from && { from: from.toISOString() }),
    ...(to && { to: to.toISOString() }),
  };
}

function queryOf(filter: DeadLetterFilter): Record<string, string | undefined> {
  const fields = Object.entries(filterOf(filter)).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields.map(([name, value]) => [name, encodeURIComponent(String(value))]));
}

function wireOf({ ids, filter, to, ...order }: ReplayOptions): Record<string, unknown> {
  return {
    ...toWire(order),
    ...(ids && { ids }),
    ...(filter && { filter: filterOf(filter) }),
    ...(to && { to: toWire(to) }),
  };
}

function deadLetterOf({ id, original_message: message, error, metadata }: DeadLetterJson): DeadLetter {
  const { history, ...rest } = metadata;
  return {
    id,
    originalMessage: PeekedMessage.of(message),
    error: fromWire<DeadLetter['error']>(error),
    metadata: {
      ...fromWire<Omit<DeadLetter['metadata'], 'history'>>(rest),
      history: history.map((entry) => fromWire<DeadLetter['metadata']['history'][number]>(entry)),
    },
  };
}

function progressOf({ id, state, total, looked_at: lookedAt, moved, skipped }: ReplayJson): ReplayProgress {
  return { id, state, total, lookedAt, moved, skipped };
}
