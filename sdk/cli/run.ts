/** The command: from a command line to an exit code. A process calls it once; tests call it with streams of their own. */

import { findCommand } from './arguments/find-command.ts';
import { GLOBAL_FLAGS, type FlagValue } from './arguments/flag.ts';
import { checkRequired, parseArguments } from './arguments/parse.ts';
import { failureOf } from './advice.ts';
import type { Command, CommandIo, Context } from './command.ts';
import { completionsOf } from './commands/completion.ts';
import { commands, ownCommands } from './commands/index.ts';
import { Connection, targetOf, type Target } from './connection/connection.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { usage, type Failure } from './failure.ts';
import { commandHelp, overviewHelp } from './output/help.ts';
import { Output, type OutputStream } from './output/output.ts';
import { Printer } from './output/printer.ts';
import { harmless, isColoured, styleFor } from './output/style.ts';

export interface RunIo extends CommandIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

/** @param words those after `posthorn` */
export async function run(words: readonly string[], io: RunIo): Promise<number> {
  const argv = words[0] === '--version' ? ['version', ...words.slice(1)] : words;
  const [out, err] = [new Output(io.stdout), new Output(io.stderr)];
  const printer = new Printer(out, err, optionsOf(argv, out, io));
  let target: Target | undefined;
  try {
    // What completion scripts call; its words are not yet a command line.
    if (argv[0] === 'complete' && argv[1] === '--') {
      await printer.lines(await completionsOf(argv.slice(2), commands));
      return EXIT_CODES.done.code;
    }
    const found = findCommand(argv, commands);
    if (isHelp(argv, found.command)) {
      await printer.lines(await helpOf(found.words, found.command, printer));
      return EXIT_CODES.done.code;
    }
    if (found.command === undefined) throw incomplete(found.words);
    const body = await found.command.load();
    const name = found.command.words.join(' ');
    const takes = { args: body.args, flags: [...body.flags, ...GLOBAL_FLAGS] };
    const { args, flags } = parseArguments(found.rest, takes, name);
    checkRequired(flags, body.flags, name);
    const signal = AbortSignal.any([io.signal, out.gone]);
    let connection: Connection | undefined;
    const context: Context = {
      command: name,
      args,
      flags,
      io,
      printer,
      signal,
      flag: <Value extends FlagValue>(flag: string) => flags.get(flag) as Value | undefined,
      connect: () => {
        target ??= targetOf(flags, io.env);
        return (connection ??= new Connection(target, flags.get('timeout-ms') as number | undefined, signal));
      },
    };
    const outcome = (await body.run(context)) ?? 'done';
    return EXIT_CODES[outcome].code;
  } catch (error) {
    // Nobody reads the results any more, so that nothing is left to do.
    if (out.gone.aborted && !io.signal.aborted) return EXIT_CODES.done.code;
    const failure = failureOf(error, target);
    // Whoever pressed Ctrl-C knows; a failure that says what is half done is told.
    if (failure.code === 'aborted' && io.signal.aborted) return EXIT_CODES.interrupted.code;
    await tell(failure, printer);
    return EXIT_CODES[failure.outcome].code;
  }
}

/** Looked for before anything else is understood, because errors are printed by them too. */
function optionsOf(
  argv: readonly string[],
  out: Output,
  { env }: RunIo,
): ConstructorParameters<typeof Printer>[2] {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const has = (...names: string[]): boolean => names.some((name) => words.includes(name));
  const color = has('--no-color') ? false : has('--color') ? true : undefined;
  return {
    isJson: has('--json', '--json=true'),
    isQuiet: has('--quiet', '-q'),
    style: styleFor(isColoured(color, out.isTerminal, env)),
  };
}

function isHelp(argv: readonly string[], command: Command | undefined): boolean {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  return words.includes('--help') || words.includes('-h') || (argv.length === 0 && command === undefined);
}

async function helpOf(
  words: readonly string[],
  command: Command | undefined,
  { out, style }: Printer,
): Promise<string> {
  if (command === undefined) return overviewHelp(words, ownCommands, commands, out.columns, style);
  return commandHelp(command, await command.load(), out.columns, style);
}

function incomplete(words: readonly string[]): Failure {
  if (words.length === 0) return usage('there is no command', 'posthorn --help lists them');
  const known = commands
    .filter((command) => words.every((word, index) => command.words[index] === word))
    .map((command) => command.words[words.length]!);
  return usage(
    `posthorn ${words.join(' ')} needs one more word`,
    known.length <= 16 ? `There are: ${known.join(', ')}` : `posthorn ${words.join(' ')} --help lists them`,
  );
}

async function tell({ message, advice, code, details, outcome }: Failure, printer: Printer): Promise<void> {
  if (printer.isJson) {
    await printer.err.line(
      JSON.stringify({ error: { code, message, exit_code: EXIT_CODES[outcome].code, advice, ...details } }),
    );
    return;
  }
  const text = message.split('\n').map(harmless).join('\n');
  await printer.err.line(`${printer.style.red('posthorn:')} ${text}`);
  for (const line of advice) await printer.err.line(`  ${line}`);
}
