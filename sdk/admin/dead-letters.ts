/** Dead letters: look at them, send them back, replay, purge, export. */

import type {
  DeadLetter as DeadLetterJson,
  DeadLetterList,
  DryRun,
  Replay as ReplayJson,
} from '../../protocol/schemas/dead-letters.ts';
import type { PosthornError } from '../errors.ts';
import type { CallOptions } from '../client/options.ts';
import { sleep } from '../client/sleep.ts';
import { jsonBody, jsonOf, type HttpCall, type Transport } from '../client/transport.ts';
import type { MessageProperties, OutgoingMessage } from '../values/message-input.ts';
import { queuePath } from '../client/names.ts';
import { PeekedMessage } from '../values/peeked-message.ts';
import { changeFields } from '../values/message-fields.ts';
import { fromWire, toWire } from '../client/wire.ts';

/** Selects dead letters: those that match all given fields. */
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
  /** The error that the consumer reported for the last failed attempt. */
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
    /** Its deaths and replays, the latest first. */
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
  /** Dead letters that stay: their origin is unknown, or they reached the hop limit. */
  skipped: number;
}

/** The time between two progress requests of a replay, in ms. */
const LOOK_MS = 500;

/**
 * `queue` is the queue where messages died, or the one that holds them. All calls throw `PosthornError`:
 * `queue_not_found`, `queue_unavailable`, `invalid_field`, `connection_failed`, `timeout`, `aborted`, and those named
 * below.
 */
export class DeadLetters {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Lists all that match, page by page.
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

  /**
   * All that match as JSON, a line each, without line ends. A line is the text that the broker sends, so numbers in bodies keep
   * their digits. Read page by page, each of which comes whole or not at all: what ends without an error is complete.
   */
  async *export(
    queue: string,
    filter: DeadLetterFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<string> {
    for await (const page of this.#pages(queue, filter, options)) yield* linesOf(page);
  }

  /** @throws PosthornError `dead_letter_not_found` */
  async get(queue: string, id: string, options: CallOptions = {}): Promise<DeadLetter> {
    return deadLetterOf(await this.#call<DeadLetterJson>('GET', queue, `/${id}`, options));
  }

  /**
   * Sends one back. Named parts are changed, others stay.
   *
   * @throws PosthornError `dead_letter_not_found`, `replay_refused`, `invalid_message`
   */
  async resend(
    queue: string,
    id: string,
    change: { body?: JsonBody; headers?: OutgoingMessage['headers']; properties?: MessageProperties } = {},
    { to, ...options }: CallOptions & { to?: ReplayTo } = {},
  ): Promise<void> {
    const body = jsonBody({ message: changeFields(change), to: to && toWire(to) });
    await this.#call<unknown>('POST', queue, `/${id}/resend`, { ...body, ...options }, (error, attempt) => {
      if (attempt > 1 && error.code === 'dead_letter_not_found') return null; // the first attempt has sent it
      throw error;
    });
  }

  /**
   * Sends many back. Resolves when all have left. Each one moves once, whatever fails.
   *
   * @param options.onProgress called with how far it is, about twice a second
   * @throws PosthornError `exchange_not_found`; `aborted` ends the waiting, not the replay. Use `cancel` to end the
   *   replay
   */
  async replay(
    queue: string,
    {
      onProgress,
      signal,
      timeoutMs,
      ...order
    }: ReplayOptions & CallOptions & { onProgress?: (progress: ReplayProgress) => void } = {},
  ): Promise<ReplayProgress> {
    const options = { signal, timeoutMs };
    const id = crypto.randomUUID();
    const body = jsonBody({ id, ...wireOf(order) });
    let reply = await this.#call<ReplayJson>('POST', queue, '/replay', { ...body, ...options });
    for (;;) {
      const progress = fromWire<ReplayProgress>(reply);
      onProgress?.(progress);
      if (progress.state !== 'running') return progress;
      await sleep(LOOK_MS, signal);
      reply = await this.#call<ReplayJson>('GET', queue, `/replays/${id}`, options);
    }
  }

  /** Returns how many a replay would move, and how many it would skip. */
  async dryRun(
    queue: string,
    { signal, timeoutMs, ...order }: ReplayOptions & CallOptions = {},
  ): Promise<{ queue: string; wouldReplay: number; wouldSkip: number }> {
    const call = { ...jsonBody({ dry_run: true, ...wireOf(order) }), signal, timeoutMs };
    return fromWire(await this.#call<DryRun>('POST', queue, '/replay', call));
  }

  /** The replays that the queue remembers, the oldest first. */
  async replays(queue: string, options: CallOptions = {}): Promise<ReplayProgress[]> {
    const { replays } = await this.#call<{ replays: object[] }>('GET', queue, '/replays', options);
    return replays.map((replay) => fromWire<ReplayProgress>(replay));
  }

  /** Stops a replay. Messages that have left stay at their target. @throws PosthornError `replay_not_found` */
  async cancel(queue: string, replayId: string, options: CallOptions = {}): Promise<ReplayProgress> {
    return fromWire(await this.#call<ReplayJson>('DELETE', queue, `/replays/${replayId}`, options));
  }

  /** Removes all that match, for good. @returns how many */
  async purge(queue: string, filter: DeadLetterFilter = {}, options: CallOptions = {}): Promise<number> {
    const call = { query: queryOf(filter), ...options };
    return (await this.#call<{ purged: number }>('DELETE', queue, '', call)).purged;
  }

  async *#each(
    queue: string,
    filter: DeadLetterFilter,
    options: CallOptions,
  ): AsyncGenerator<DeadLetterJson> {
    for await (const { list } of this.#pages(queue, filter, options)) yield* list.dead_letters;
  }

  async *#pages(queue: string, filter: DeadLetterFilter, options: CallOptions): AsyncGenerator<Page> {
    let next: string | undefined;
    do {
      const query = { ...queryOf(filter), next };
      const path = `${queuePath(queue)}/dead-letters`;
      const page = await this.#transport.read<Page>({ method: 'GET', path, query, ...options }, (reply) => ({
        list: jsonOf<DeadLetterList>(reply),
        bytes: reply.bytes,
      }));
      yield page;
      next = page.list.next;
    } while (next !== undefined);
  }

  #call<Reply>(
    method: HttpCall['method'],
    queue: string,
    rest: string,
    call: Omit<HttpCall, 'method' | 'path'>,
    rescue?: (error: PosthornError, attempt: number) => Reply,
  ): Promise<Reply> {
    const path = `${queuePath(queue)}/dead-letters${rest}`;
    return this.#transport.json<Reply>({ method, path, ...call }, rescue);
  }
}

interface Page {
  list: DeadLetterList;
  /** The same as it came. */
  bytes: Uint8Array;
}

/** The text of each dead letter of a page. A line end in it stands between values, where it means as much as a space. */
function* linesOf({ bytes }: Page): Generator<string> {
  const text = new TextDecoder().decode(bytes);
  // The page is an object with one array of objects, and it has been parsed: counting brackets outside of strings will do.
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') {
      while (text[++at] !== '"') if (text[at] === '\\') at++;
    } else if (character === '{' || character === '[') {
      if (depth++ === 2) start = at;
    } else if ((character === '}' || character === ']') && --depth === 2) {
      yield text.slice(start, at + 1).replace(/[\r\n]/g, ' ');
    }
  }
}

type JsonBody = OutgoingMessage['body'];

function filterOf({ from, to, ...filter }: DeadLetterFilter): Record<string, unknown> {
  return {
    ...toWire(filter),
    ...(from && { from: from.toISOString() }),
    ...(to && { to: to.toISOString() }),
  };
}

function queryOf(filter: DeadLetterFilter): Record<string, string | undefined> {
  const fields = Object.entries(filterOf(filter));
  return Object.fromEntries(
    fields.map(([name, value]) => [name, value === undefined ? value : encodeURIComponent(value as string)]),
  );
}

function wireOf({ filter, ...order }: ReplayOptions): Record<string, unknown> {
  return { ...toWire(order), ...(filter && { filter: filterOf(filter) }) };
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
