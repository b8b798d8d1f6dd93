/** Flags and arguments: what a command takes, as data that the parser, the help and the completion read. */

export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** `json`: JSON, or a text that is none; its members can be given one by one, as `--name.member value`. */
  readonly kind: 'boolean' | 'text' | 'number' | 'json';
  /** May be given more than once. */
  readonly isMany?: boolean;
  /** The word `null` is a value. */
  readonly isNullable?: boolean;
  readonly isRequired?: boolean;
  /** Of a boolean: what it may be besides true and false, as `--name=word`. */
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly about: string;
}

export interface Argument {
  /** As the help writes it, in capitals. */
  readonly name: string;
  readonly about: string;
  readonly isOptional?: boolean;
}

/** Flags of every command. */
export const GLOBAL_FLAGS = [
  {
    name: 'url',
    kind: 'text',
    about: 'Where the broker is. Default POSTHORN_URL, the profile, or http://127.0.0.1:8787',
  },
  { name: 'token', kind: 'text', about: 'The token. Default POSTHORN_TOKEN, or that of the profile' },
  {
    name: 'namespace',
    short: 'n',
    kind: 'text',
    about: 'The namespace. Default POSTHORN_NAMESPACE, that of the profile, or default',
  },
  {
    name: 'profile',
    kind: 'text',
    about: 'A profile of the config file. Default POSTHORN_PROFILE, or the current one',
  },
  {
    name: 'timeout-ms',
    kind: 'number',
    min: 1,
    about: 'How long one request may take, in ms. Default 30000',
  },
  { name: 'json', kind: 'boolean', about: 'Print JSON, also errors: for scripts' },
  { name: 'color', kind: 'boolean', about: 'Default: colours on a terminal, unless NO_COLOR is set' },
  { name: 'quiet', short: 'q', kind: 'boolean', about: 'No progress and no hints' },
  { name: 'help', short: 'h', kind: 'boolean', about: 'Explain the command' },
] as const satisfies readonly Flag[];

export type FlagValue = string | number | boolean | null | object;

export interface ParsedArguments {
  /** By name of the argument; those that were left out are absent. */
  readonly args: ReadonlyMap<string, string>;
  readonly flags: ReadonlyMap<string, FlagValue>;
}
