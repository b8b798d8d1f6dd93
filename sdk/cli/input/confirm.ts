/** Confirmation: asks a person on a terminal whether to go on. */

import type { CommandIo } from '../command.ts';
import type { Printer } from '../output/printer.ts';
import { lineGroups } from './lines.ts';
import { untilAborted } from './until-aborted.ts';

/** Returns whether somebody is there who can be asked. */
export const canAsk = ({ stdin }: CommandIo, { isJson, err }: Printer): boolean =>
  stdin.isTTY === true && err.isTerminal && !isJson;

/** Returns true for `y` or `yes`. Everything else, and the end of the input, is a no. */
export async function confirm(io: CommandIo, { err, style }: Printer, question: string): Promise<boolean> {
  await err.line(style.bold(`${question} [y/N]`));
  for await (const { lines } of lineGroups(untilAborted(io.stdin, io.signal))) {
    const [line] = lines;
    if (line !== undefined) return /^\s*y(es)?\s*$/i.test(new TextDecoder().decode(line));
  }
  return false;
}
