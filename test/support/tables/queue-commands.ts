/**
 * Commands of tables of the queue machine, carried out at `NOW`:
 *
 *   ack 0 · nack 0 delay=0 · reject 0 · release 0 · extend 0 lease=50     options: delivery=2, as=B (only of this consumer)
 *   ack 0-2                     a run of messages of one delivery, settled in one step
 *   deliver A max=2             options: bytes=, lease=, auto=1 (settled in the same step)
 *   leases · heads              what time alone does: ends leases, removes messages that are too old
 *   drop · purge                takes ready messages out: above the limits, or all
 *   take 0                      takes one ready message out, wherever it lies
 */

import { expect } from 'vitest';
import { deliver } from '../../../core/queue/deliver/deliver.ts';
import { expireHeads, expireLeases } from '../../../core/queue/expire.ts';
import { dropHead } from '../../../core/queue/publish/limits.ts';
import { purge } from '../../../core/queue/purge.ts';
import { settleRun } from '../../../core/queue/settle/settle-run.ts';
import type { Settlement } from '../../../core/queue/settle/settle.ts';
import { takeOut } from '../../../core/queue/state/ready-messages.ts';
import type { QueueConfig } from '../../../protocol/schemas/queues.ts';
import {
  drawQueue,
  effectsOf,
  laneOfLabel,
  LEASED_UNTIL,
  NOW,
  pictureOf,
  placeText,
  problemOf,
  type DrawnQueue,
} from './queue-picture.ts';
import { wordsOf, type TableRow, type Words } from './text-table.ts';

/** `leaves` is empty where the picture stays as it was, `effects` where nothing is put aside. */
export type QueueRow = TableRow<'meets' | 'does' | 'outcome' | 'leaves' | 'effects' | 'because'>;

/** Carries out the command of a row, and compares all that it says. */
export function expectRow(
  { meets, does, outcome, leaves, effects }: QueueRow,
  config: Partial<QueueConfig> = {},
): void {
  const queue = drawQueue(meets, config);
  const drawn = pictureOf(queue);
  const found = { outcome: run(queue, does), leaves: pictureOf(queue), effects: effectsOf(queue) };
  expect(found).toEqual({ outcome, leaves: leaves === '' ? drawn : leaves, effects });
  expect(problemOf(queue)).toBeNull();
}

/** Carries out a command, and returns its outcome in words. */
export function run(queue: DrawnQueue, does: string): string {
  const { machine, source } = queue;
  const words = wordsOf(does);
  switch (words.verb) {
    case 'deliver':
      return delivered(queue, words);
    case 'leases':
      return String(expireLeases(machine, source, NOW));
    case 'heads':
      return `next ${expireHeads(machine, source, NOW)}`;
    case 'drop':
      return dropHead(machine, source) ? 'all' : 'more';
    case 'purge':
      return String(purge(machine));
    case 'take': {
      const { lane, start } = placeOf(words.args[0]!);
      takeOut(machine, source, { lane, offset: start });
      machine.counters.replayed += 1;
      return 'taken';
    }
    default:
      return settled(queue, words);
  }
}

function settled({ machine, source }: DrawnQueue, words: Words): string {
  const place = placeOf(words.args[0]!);
  const settlement = settlementOf(words);
  const entry = { queueId: 1, ...place, delivery: Number(words.options['delivery'] ?? 1), settlement };
  const context = { source, nowMs: NOW, random: 0, consumerId: words.options['as'] };
  return settleRun(machine, entry, context).join(' ');
}

function settlementOf({ verb, options }: Words): Settlement {
  const { delay, lease } = options;
  switch (verb) {
    case 'ack':
    case 'release':
    case 'reject':
      return { kind: verb };
    case 'nack':
      return { kind: verb, ...(delay !== undefined && { delayMs: Number(delay) }) };
    case 'extend':
      return { kind: verb, leaseMs: Number(lease) };
    default:
      throw new Error(`no command: ${verb}`);
  }
}

/** The messages that were handed out, in order; with the number of the delivery where it is not the first. */
function delivered({ machine, source }: DrawnQueue, { args, options }: Words): string {
  const command = {
    consumerId: args[0]!,
    max: Number(options['max'] ?? 100),
    bytesMax: Number(options['bytes'] ?? 1_000_000),
    leaseMs: Number(options['lease'] ?? LEASED_UNTIL - NOW),
    autoAck: options['auto'] !== undefined,
  };
  const texts = deliver(machine, command, source, NOW).flatMap(({ extent, start, end, delivery }) =>
    Array.from({ length: end - start }, (_, nth) => {
      const place = placeText(extent.lane, start + nth);
      return delivery === 1 ? place : `${place}x${delivery}`;
    }),
  );
  return texts.length === 0 ? 'nothing' : texts.join(' ');
}

function placeOf(text: string): { lane: number; start: number; end: number } {
  const [, label = '0', first, last = first] = /^(?:(\d+r?)>)?(\d+)(?:-(\d+))?$/.exec(text)!;
  return { lane: laneOfLabel(label), start: Number(first), end: Number(last) + 1 };
}
