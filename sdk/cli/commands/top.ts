/** `posthorn top`: queues by what they hold and how fast it moves, again and again. */

import type { Command, Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import type { Queue, QueueStatus } from '../../admin/queue-types.ts';
import { sleep } from '../../client/sleep.ts';
import { mapInParts } from '../map-in-parts.ts';
import { tableOf } from '../output/table.ts';

const QUEUES_MAX = 200;
const AT_ONCE = 10;

export const topCommand: Command = {
  words: ['top'],
  about: 'Show queues, the fullest first, with what comes and goes a second, until Ctrl-C',
  load: () => ({
    args: [],
    flags: [
      { name: 'interval-ms', kind: 'number', min: 100, about: 'How often, in ms. Default 2000' },
      {
        name: 'count',
        kind: 'number',
        min: 1,
        about: 'End after this many. Default: on a terminal until Ctrl-C, else 1',
      },
    ],
    run: top,
  }),
};

interface Sample {
  readonly atMs: number;
  readonly published: number;
  readonly settled: number;
}

async function top(context: Context): Promise<Outcome> {
  const { flag, printer, signal } = context;
  const { queues } = context.connect().posthorn;
  const count = flag<number>('count') ?? (printer.out.isTerminal ? Infinity : 1);
  const before = new Map<string, Sample>();
  for (let round = 1; round <= count; round++) {
    const names = (await queues.list({ signal })).slice(0, QUEUES_MAX);
    const all = await mapInParts(names, AT_ONCE, ({ queue }) => queues.get(queue, { signal }));
    const rows = all
      .map((queue) => rowOf(queue, before))
      .sort((a, b) => b.ready + b.leased - (a.ready + a.leased));
    if (printer.isJson) await printer.out.line(JSON.stringify({ queues: rows }));
    else {
      const lines = tableOf(rows, COLUMNS, printer.out.columns, printer.style);
      await printer.out.write(
        `${printer.out.isTerminal && count > 1 ? '\x1b[H\x1b[2J' : ''}${lines.join('\n')}\n`,
      );
    }
    if (round < count) await sleep(flag<number>('interval-ms') ?? 2_000, signal).catch(() => {});
    if (signal.aborted) break;
  }
  return 'done';
}

const COLUMNS = [
  'queue',
  'ready',
  'leased',
  'parked',
  'consumers',
  'in_per_s',
  'out_per_s',
  'oldest_s',
  'bytes',
];

function rowOf(
  { queue, state }: Pick<Queue, 'queue'> & { state: QueueStatus },
  before: Map<string, Sample>,
): Record<string, unknown> & { ready: number; leased: number } {
  const { ready, leased, parked, consumers, bytes, oldestMs, meter } = state;
  const now = { atMs: Date.now(), published: meter.published, settled: meter.settled };
  const last = before.get(queue);
  before.set(queue, now);
  const perS = (name: 'published' | 'settled'): number | null =>
    last === undefined
      ? null
      : Math.max(0, Math.round(((now[name] - last[name]) / (now.atMs - last.atMs)) * 1000));
  return {
    queue,
    ready,
    leased,
    parked,
    consumers,
    in_per_s: perS('published'),
    out_per_s: perS('settled'),
    oldest_s: oldestMs === null ? null : Math.max(0, Math.round((now.atMs - oldestMs) / 1000)),
    bytes,
  };
}
