/** `posthorn produce`: a record for each line of standard input. */

import type { Command, Context } from '../command.ts';
import { HEADER_FLAG, headersOf } from '../input/header-flags.ts';
import { sendLines, storedText } from '../input/line-sender.ts';
import type { LineFormat } from '../input/line-format.ts';
import { usage } from '../failure.ts';
import type { Outcome } from '../exit-codes.ts';

export const LINE_FLAGS = [
  {
    name: 'skip-broken',
    kind: 'boolean',
    about: 'Leave out lines that are broken, and say which. Default: stop at the first',
  },
  {
    name: 'from-line',
    kind: 'number',
    min: 1,
    about: 'Begin with this line, from 1: to go on where a former run stopped',
  },
] as const;

export const produceCommand: Command = {
  words: ['produce'],
  about: 'Append records to a topic, one for each line of standard input',
  load: () => ({
    args: [{ name: 'TOPIC', about: 'The topic' }],
    flags: [
      {
        name: 'records',
        kind: 'boolean',
        about: 'Each line is {"key", "value", "headers", ...}, as `tail --json` prints them',
      },
      { name: 'key', short: 'k', kind: 'text', about: 'The key of every record' },
      {
        name: 'key-field',
        kind: 'text',
        about: 'With --json: the member of each line that is its key, such as customer.id',
      },
      {
        name: 'key-separator',
        kind: 'text',
        about: 'For texts: what stands between key and value in each line',
      },
      HEADER_FLAG,
      {
        name: 'partition',
        short: 'p',
        kind: 'number',
        min: 0,
        about: 'The partition of every record. Default: by key',
      },
      { name: 'gzip', kind: 'boolean', about: 'Compress batches: for slow networks' },
      ...LINE_FLAGS,
    ],
    notes: [
      'A line is a text, which is stored as a JSON string. With --json each line is a JSON value, stored as it is written.',
    ],
    run: produce,
  }),
};

async function produce(context: Context): Promise<Outcome> {
  const { args, flag, printer, io } = context;
  const topic = args.get('TOPIC')!;
  const format = formatOf(context);
  const { posthorn } = context.connect();
  await posthorn.topics.get(topic, { signal: io.signal });
  if (io.stdin.isTTY) await printer.hint('Each line becomes a record. Ctrl-D ends.');
  const producer = posthorn.producer({ compression: flag('gzip') === true ? 'gzip' : 'none' });
  const { stored, skipped, lastLine } = await sendLines(
    context,
    { send: (records) => producer.sendBatch(topic, records), ready: () => producer.ready() },
    {
      format,
      key: flag('key'),
      keyField: flag('key-field'),
      keySeparator: flag('key-separator'),
      headers: headersOf(flag('header')),
      partition: flag('partition'),
      isSkippingBroken: flag('skip-broken') === true,
      fromLine: flag<number>('from-line') ?? 1,
    },
  );
  await producer.close();
  return await tellSent(context, { topic, stored, skipped, lastLine });
}

function formatOf({ flag, printer }: Context): LineFormat {
  const format = flag('records') === true ? 'record' : printer.isJson ? 'json' : 'text';
  if (flag('key-field') !== undefined && format !== 'json')
    throw usage('--key-field needs --json: a text has no members');
  if (flag('key-separator') !== undefined && format !== 'text')
    throw usage('--key-separator is for texts; with --json use --key-field');
  return format;
}

export async function tellSent(
  { printer, io }: Context,
  sent: { topic?: string; queue?: string; stored: number; skipped: number; lastLine: number },
): Promise<Outcome> {
  const { stored, skipped, lastLine } = sent;
  if (io.signal.aborted) {
    await printer.warn(
      `stopped after line ${lastLine}. ${storedText(stored)}; go on with --from-line ${lastLine + 1}`,
    );
    return 'interrupted';
  }
  const { lastLine: _, ...result } = sent;
  const skippedText =
    skipped === 0 ? '' : `, ${skipped} ${skipped === 1 ? 'line was' : 'lines were'} skipped`;
  await printer.result(result, `${storedText(stored)}${skippedText}`);
  return skipped > 0 ? 'partly' : 'done';
}
