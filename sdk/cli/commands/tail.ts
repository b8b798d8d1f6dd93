/** `posthorn tail`: the last records of a topic, and with `-f` those that come. */

import type { Command, Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import type { Posthorn } from '../../posthorn.ts';
import type { ReceivedRecord } from '../../reader/received-record.ts';
import type { StartPosition } from '../../values/start-position.ts';
import { usage } from '../failure.ts';
import { headersText, jsonBytes, jsonText, keyText, rawText } from '../output/value-text.ts';

const LAST_DEFAULT = 10;

export const tailCommand: Command = {
  words: ['tail'],
  about: 'Print the last records of a topic, and with -f those that come',
  load: () => ({
    args: [{ name: 'TOPIC', about: 'The topic' }],
    flags: [
      { name: 'follow', short: 'f', kind: 'boolean', about: 'Go on with new records until Ctrl-C' },
      {
        name: 'last',
        short: 'l',
        kind: 'number',
        min: 0,
        about: `How many of each partition, from its end. Default ${LAST_DEFAULT}`,
      },
      {
        name: 'from',
        kind: 'text',
        about: 'Instead: earliest, latest, an offset, or @ and a time in ms since 1970 or RFC 3339',
      },
      { name: 'partition', short: 'p', kind: 'number', min: 0, about: 'Only this partition' },
      { name: 'max', kind: 'number', min: 1, about: 'End after this many records' },
      { name: 'raw', kind: 'boolean', about: 'Print strings without their quotes' },
      {
        name: 'committed',
        kind: 'boolean',
        about: 'Leave out records of transactions that are open or aborted',
      },
    ],
    notes: [
      'A line is the value as JSON; with --json it is the record: {"partition", "offset", "key", "value", ...}.',
    ],
    run: tail,
  }),
};

async function tail(context: Context): Promise<Outcome> {
  const { args, flag, printer, signal } = context;
  const topic = args.get('TOPIC')!;
  const from = fromFlag(context);
  const { posthorn } = context.connect();
  const { partitions: count } = await posthorn.topics.get(topic, { signal });
  const only = flag<number>('partition');
  const partitions = only === undefined ? Array.from({ length: count }, (_, index) => index) : [only];
  const max = flag<number>('max') ?? Infinity;
  const reader = posthorn.reader(topic, {
    partitions,
    from: from ?? (await lastOf(context, posthorn, topic, partitions)),
    follow: flag('follow') === true,
    isolation: flag('committed') === true ? 'read_committed' : 'read_uncommitted',
  });
  const lineOf = printer.isJson
    ? recordText
    : ({ value }: ReceivedRecord) => (flag('raw') === true ? rawText(value) : jsonBytes(value));
  const close = (): void => reader.close();
  signal.addEventListener('abort', close, { once: true });
  let printed = 0;
  try {
    for await (const records of reader.batches()) {
      const part = records.slice(0, max - printed);
      if (!(await printer.stored(part.map(lineOf)))) break;
      printed += part.length;
      if (printed >= max || signal.aborted) break;
    }
  } finally {
    signal.removeEventListener('abort', close);
  }
  return context.io.signal.aborted && flag('follow') !== true ? 'interrupted' : 'done';
}

function fromFlag({ flag }: Context): StartPosition | undefined {
  const from = flag<string>('from');
  if (from === undefined) return undefined;
  if (flag('last') !== undefined) throw usage('--from and --last exclude each other');
  return positionOf(from);
}

async function lastOf(
  { flag, signal }: Context,
  posthorn: Posthorn,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, StartPosition>> {
  const last = flag<number>('last') ?? LAST_DEFAULT;
  const states = await Promise.all(
    partitions.map(
      async (partition) => await posthorn.topics.describePartition(topic, partition, { signal }),
    ),
  );
  return new Map(
    states.map(({ highWatermark, logStartOffset }, index) => [
      partitions[index]!,
      Math.max(logStartOffset, highWatermark - last),
    ]),
  );
}

export function positionOf(text: string): StartPosition {
  if (text === 'earliest' || text === 'latest') return text;
  if (/^\d+$/.test(text)) return Number(text);
  const time = text.startsWith('@') ? text.slice(1) : '';
  const timestampMs = /^\d+$/.test(time) ? Number(time) : Date.parse(time);
  if (Number.isSafeInteger(timestampMs)) return { timestampMs };
  throw usage(
    `--from is earliest, latest, an offset, or @ and a time; got "${text}"`,
    'For example --from @2026-11-01T00:00:00Z',
  );
}

function recordText(record: ReceivedRecord): string {
  const { partition, offset, timestamp, key, value, headers } = record;
  return `{"partition":${partition},"offset":${offset},"timestamp":${timestamp},"key":${keyText(key)},"value":${jsonText(value)},"headers":${headersText(headers)}}`;
}
