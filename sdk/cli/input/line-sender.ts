/**
 * Line sender: hands lines of input to a producer or publisher, group by group, and knows which of them are stored. A
 * broken line is named by its number; it stops the command, or is skipped.
 */

import type { OutgoingRecord } from '../../values/record-input.ts';
import { PosthornError } from '../../errors.ts';
import type { Context } from '../command.ts';
import { Failure } from '../failure.ts';
import { Progress } from '../output/progress.ts';
import { BrokenLine, recordOfLine, type LineOptions } from './line-format.ts';
import { lineGroups } from './lines.ts';
import { untilAborted } from './until-aborted.ts';

/** Groups that are sent and not stored yet. */
const GROUPS_MAX = 64;
const SKIPPED_SHOWN_MAX = 10;

export interface LineSink {
  /** Sends records of one group, in order. Resolves when all are stored. */
  send(records: OutgoingRecord[]): Promise<unknown>;
  ready(): Promise<unknown>;
}

export interface LinesSent {
  readonly stored: number;
  readonly skipped: number;
  /** The last line before which all are stored or skipped. */
  readonly lastLine: number;
}

interface Group {
  readonly lines: readonly number[];
  readonly last: number;
  readonly sent: Promise<unknown>;
}

export interface SendLinesOptions extends LineOptions {
  readonly isSkippingBroken: boolean;
  /** Lines before this one are passed over. */
  readonly fromLine: number;
}

/**
 * Sends all lines. Ends early at Ctrl-C, with what was read before it stored, and at the first line that is broken or
 * refused, with all lines before it stored.
 */
export async function sendLines(
  context: Context,
  sink: LineSink,
  options: SendLinesOptions,
): Promise<LinesSent> {
  const { printer, io } = context;
  const progress = new Progress(printer, 'records');
  const open: Group[] = [];
  let stored = 0;
  let skipped = 0;
  let lastLine = 0;
  const settleOldest = async (): Promise<void> => {
    const group = open.shift()!;
    try {
      await group.sent;
    } catch (error) {
      throw refusal(error, group, stored);
    }
    stored += group.lines.length;
    lastLine = group.last;
    progress.update(stored);
  };
  try {
    let broken: Failure | undefined;
    for await (const { first, lines } of lineGroups(untilAborted(io.stdin, io.signal))) {
      const records: OutgoingRecord[] = [];
      const numbers: number[] = [];
      for (const [index, line] of lines.entries()) {
        const number = first + index;
        if (number < options.fromLine) continue;
        try {
          const record = recordOfLine(line, options);
          if (record !== null) {
            records.push(record);
            numbers.push(number);
          }
        } catch (error) {
          if (!(error instanceof BrokenLine)) throw error;
          if (!options.isSkippingBroken) {
            broken = brokenLine(number, error);
            break;
          }
          if (++skipped <= SKIPPED_SHOWN_MAX)
            await printer.warn(`line ${number} is skipped: ${error.message}`);
        }
      }
      const last = broken === undefined ? first + lines.length - 1 : (numbers.at(-1) ?? first - 1);
      const sent = records.length === 0 ? Promise.resolve() : sink.send(records);
      sent.catch(() => {}); // told when it is settled
      open.push({ lines: numbers, last, sent });
      if (broken !== undefined) break;
      await sink.ready();
      while (open.length > GROUPS_MAX) await settleOldest();
    }
    while (open.length > 0) await settleOldest();
    if (broken !== undefined) throw withStored(broken, stored);
    return { stored, skipped, lastLine };
  } finally {
    await progress.clear();
  }
}

function brokenLine(line: number, { message }: BrokenLine): Failure {
  return new Failure('partly', `line ${line} is broken: ${message}`, {
    code: 'broken_line',
    details: { line },
    advice: [`Mend it and go on with --from-line ${line}, or leave such lines out: --skip-broken`],
  });
}

function withStored({ message, advice, code, details }: Failure, stored: number): Failure {
  const text = `${message}. ${storedText(stored)} before it, and nothing after it`;
  return new Failure(stored === 0 ? 'failed' : 'partly', text, {
    advice,
    code,
    details: { ...details, stored },
  });
}

export const storedText = (stored: number): string =>
  `${stored.toLocaleString('en-US')} ${stored === 1 ? 'record is' : 'records are'} stored`;

/** Names the line of the first record that was not stored, if the error says which. */
function refusal(error: unknown, { lines }: Group, before: number): unknown {
  if (!(error instanceof PosthornError)) return error;
  const receipts = error.details['receipts'] as readonly unknown[] | undefined;
  const index = /^record (\d+): /.exec(error.message)?.[1];
  const failed =
    index === undefined ? (receipts?.findIndex((receipt) => receipt === null) ?? 0) : Number(index);
  const line = lines[Math.max(0, failed)];
  const stored = before + (receipts?.filter((receipt) => receipt !== null).length ?? 0);
  const outcome = stored > 0 ? 'partly' : 'failed';
  return new Failure(outcome, `line ${line} was not stored: ${error.message}. ${storedText(stored)}`, {
    code: error.code,
    details: { line, stored },
    cause: error,
    advice: [`Go on with --from-line ${line} when the cause is mended; lines after it may be stored already`],
  });
}
