/** Command: one thing that `posthorn` does, as data, with the function that does it. */

import type { Argument, Flag, FlagValue, ParsedArguments } from './arguments/flag.ts';
import type { Connection } from './connection/connection.ts';
import type { Environment } from './connection/profiles.ts';
import type { Outcome } from './exit-codes.ts';
import type { Printer } from './output/printer.ts';

/** What a process gives to the command; tests give it too. */
export interface CommandIo {
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean | undefined };
  readonly env: Environment;
  /** Fires once, when the command should come to an end: Ctrl-C. */
  readonly signal: AbortSignal;
  /** The folder that the command runs in. */
  readonly folder: string;
}

export interface Context extends ParsedArguments {
  /** Its words, for messages: `topics ls`. */
  readonly command: string;
  readonly io: CommandIo;
  readonly printer: Printer;
  /** Fires at Ctrl-C, or when nobody reads standard output any more. */
  readonly signal: AbortSignal;
  /** The broker. Made at the first call, because not every command needs one. */
  readonly connect: () => Connection;
  /** The value of a flag; undefined if it was left out. */
  readonly flag: <Value extends FlagValue>(name: string) => Value | undefined;
}

export interface CommandBody {
  readonly args: readonly Argument[];
  readonly flags: readonly Flag[];
  /** Further lines of the help. */
  readonly notes?: readonly string[];
  readonly run: (context: Context) => Promise<Outcome | void>;
}

export interface Command {
  /** `['topics', 'ls']` for `posthorn topics ls`. */
  readonly words: readonly string[];
  readonly about: string;
  /** Loaded when it is run or explained, so that each command starts fast. */
  readonly load: () => CommandBody | Promise<CommandBody>;
}
