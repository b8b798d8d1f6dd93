/** `posthorn consume`: the messages of a queue, one a line. A message is acknowledged when its line is written. */

import type { Command, Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import type { ReceivedMessage } from '../../consumer/received-message.ts';
import { usage } from '../failure.ts';
import { headersText, jsonBytes, jsonText, rawText } from '../output/value-text.ts';

const PREFETCH_MAX = 10_000;

export const consumeCommand: Command = {
  words: ['consume'],
  about: 'Take messages from a queue and print their bodies, one a line',
  load: () => ({
    args: [{ name: 'QUEUE', about: 'The queue' }],
    flags: [
      {
        name: 'max',
        kind: 'number',
        min: 1,
        about: 'End after this many messages. Default: go on until Ctrl-C',
      },
      { name: 'wait-ms', kind: 'number', min: 0, about: 'End when no message has come for this long, in ms' },
      { name: 'raw', kind: 'boolean', about: 'Print strings without their quotes' },
      {
        name: 'keep',
        kind: 'boolean',
        about: 'Give the messages back instead of acknowledging them; needs --max',
      },
      {
        name: 'lease-ms',
        kind: 'number',
        min: 500,
        about: "How long a message is this command's. Default: as the queue says",
      },
    ],
    notes: [
      'A line is the body as JSON; with --json it is the message: {"body", "headers", "properties", ...}.',
      'If the reader of the output leaves (`| head -1`), what it has not taken goes back to the queue.',
    ],
    run: consume,
  }),
};

async function consume(context: Context): Promise<Outcome> {
  const { args, flag, printer, signal } = context;
  const queue = args.get('QUEUE')!;
  const max = flag<number>('max') ?? Infinity;
  const waitMs = flag<number>('wait-ms');
  const isKept = flag('keep') === true;
  if (isKept && max > PREFETCH_MAX) throw usage(`--keep needs --max, of at most ${PREFETCH_MAX}`);
  const lineOf = printer.isJson
    ? messageText
    : ({ body }: ReceivedMessage) => (flag('raw') === true ? rawText(body) : jsonBytes(body));
  const { posthorn } = context.connect();
  await posthorn.queues.get(queue, { signal });

  let taken = 0;
  let waiting: ReceivedMessage[] = [];
  let isWriting = false;
  const kept: ReceivedMessage[] = [];
  const refused: unknown[] = [];
  const idle = new IdleTimer(waitMs, () => void stop());
  const consumer = posthorn.consumer(
    queue,
    (message) => {
      idle.restart();
      if (taken >= max) return void message.release().catch(() => {});
      taken++;
      waiting.push(message);
      if (!isWriting) void write();
    },
    {
      settle: 'manual',
      concurrency: Infinity,
      prefetch: Math.min(max, PREFETCH_MAX),
      onError: (error, message) => {
        if (message !== null) refused.push(error);
        else void printer.hint(`trying again: ${(error as Error).message}`);
      },
      ...(flag('lease-ms') !== undefined && { leaseMs: flag<number>('lease-ms')! }),
    },
  );
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= consumer.stop());

  async function write(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) {
      const messages = waiting;
      waiting = [];
      const isWritten = await printer.stored(messages.map(lineOf));
      for (const message of messages) {
        if (isWritten && isKept) kept.push(message);
        // Without a promise for each. What is refused comes to onError.
        else if (isWritten) message.ackByConsumer();
        else void message.release().catch(() => {});
      }
    }
    isWriting = false;
    if (taken < max) return;
    for (const message of kept) void message.release().catch(() => {});
    await stop();
  }

  signal.addEventListener('abort', () => void stop(), { once: true });
  if (signal.aborted) void stop();
  try {
    await consumer.done;
  } finally {
    idle.end();
  }
  for (const message of kept) if (!message.isSettled) await message.release().catch(() => {});
  if (refused.length > 0) {
    await printer.warn(
      `${refused.length} messages were printed and not acknowledged: ${(refused[0] as Error).message}. The queue delivers them again`,
    );
    return 'partly';
  }
  return context.io.signal.aborted && taken < max && max !== Infinity ? 'interrupted' : 'done';
}

function messageText(message: ReceivedMessage): string {
  const { deliveryCount, publishedAt, exchange, routingKey } = message;
  const rest = JSON.stringify({
    properties: message.properties,
    exchange,
    routing_key: routingKey,
    delivery_count: deliveryCount,
    published_at: publishedAt,
  });
  return `{"body":${jsonText(message.body)},"headers":${headersText(message.headers)},${rest.slice(1)}`;
}

/** Calls back when nothing has happened for a time. */
class IdleTimer {
  readonly #ms: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number | undefined, onIdle: () => void) {
    this.#ms = ms;
    if (ms !== undefined) this.#timer = setTimeout(onIdle, ms);
  }

  restart(): void {
    if (this.#ms === undefined || this.#timer === undefined) return;
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
