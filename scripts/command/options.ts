/**
 * Options of the project's own commands. The comment at the beginning of a command is what it answers to `--help`; an option that it
 * does not know ends it with 2 and the line that says so.
 */

import { readFileSync } from 'node:fs';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options }>
>['values'];

/** @param command the path of the file of the command */
export function readOptions<const Options extends ParseArgsOptionsConfig>(
  command: string,
  options: Options,
): Values<Options> {
  answerHelp(command);
  try {
    return parseArgs({ options }).values as Values<Options>;
  } catch (error) {
    console.error(`${(error as Error).message}\n--help says what there is`);
    process.exit(2);
  }
}

/** For commands that take words, too. */
export function answerHelp(command: string): void {
  if (!process.argv.slice(2).some((word) => word === '--help' || word === '-h')) return;
  console.log(headerOf(readFileSync(command, 'utf8')));
  process.exit(0);
}

/** The text of the comment at the beginning. */
export function headerOf(source: string): string {
  const [, comment = ''] = /^\/\*\*(.*?)\*\//s.exec(source) ?? [];
  return comment
    .split('\n')
    .map((line) => line.replace(/^ \* ?/, '').trimEnd())
    .join('\n')
    .trim();
}
