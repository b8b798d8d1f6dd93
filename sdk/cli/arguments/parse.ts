/** Parser of a command line: flags and arguments, checked against what the command takes. */

import { Failure, usage } from '../failure.ts';
import type { Argument, Flag, FlagValue, ParsedArguments } from './flag.ts';
import { suggestion } from './nearest.ts';

/**
 * Reads the arguments of one command. `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `--no-flag`; after `--` all
 * are arguments, and so is a lone `-`.
 */
export function parseArguments(
  argv: readonly string[],
  takes: { readonly args: readonly Argument[]; readonly flags: readonly Flag[] },
  command: string,
): ParsedArguments {
  const given: string[] = [];
  const flags = new Map<string, FlagValue>();
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '--') {
      given.push(...argv.slice(at + 1));
      break;
    }
    if (!isFlag(word)) {
      given.push(word);
      continue;
    }
    const { flag, path, inline, isNegated } = flagOf(word, takes.flags, command);
    if (flag.kind === 'boolean' && path.length === 0) {
      setFlag(flags, flag, [], inline === undefined ? !isNegated : booleanOf(flag, word, inline));
      continue;
    }
    const text = inline ?? argv[++at];
    if (text === undefined || (inline === undefined && isKnownFlag(text, takes.flags))) {
      throw usage(`--${flag.name} needs a value`, `posthorn ${command} --help explains it`);
    }
    setFlag(flags, flag, path, path.length > 0 ? jsonOrText(text) : valueOf(flag, text));
  }
  return { args: namedArguments(given, takes.args, command), flags };
}

/** Throws if a flag that the command needs is missing. Not part of parsing, because `--help` needs none. */
export function checkRequired(
  flags: ReadonlyMap<string, FlagValue>,
  takes: readonly Flag[],
  command: string,
): void {
  const missing = takes.filter(({ name, isRequired }) => isRequired && !flags.has(name));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => `--${name}`).join(', ');
  throw usage(`posthorn ${command} needs ${names}`, `posthorn ${command} --help explains it`);
}

/** A negative number is a value, not a flag. */
export function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-' && !/^-\d/.test(word);
}

interface FoundFlag {
  flag: Flag;
  path: string[];
  inline: string | undefined;
  isNegated: boolean;
}

export function findFlag(word: string, flags: readonly Flag[]): FoundFlag | undefined {
  if (!word.startsWith('--')) {
    const flag = flags.find(({ short }) => short === word[1]);
    if (flag === undefined) return undefined;
    const rest = word.slice(2).replace(/^=/, '');
    if (rest !== '' && flag.kind === 'boolean') return undefined;
    return { flag, path: [], inline: rest === '' ? undefined : rest, isNegated: false };
  }
  const [, written = '', , inline] = /^--([^=]*)(=([^]*))?$/.exec(word) ?? [];
  const [name = '', ...path] = written.split('.');
  // As people write what the API calls retention_ms.
  const dashed = name.replaceAll('_', '-');
  const flag = flags.find((each) => each.name === dashed);
  if (flag !== undefined) {
    return path.length > 0 && flag.kind !== 'json' ? undefined : { flag, path, inline, isNegated: false };
  }
  const negated = flags.find((each) => each.kind === 'boolean' && `no-${each.name}` === dashed);
  return negated && inline === undefined ? { flag: negated, path: [], inline, isNegated: true } : undefined;
}

function flagOf(word: string, flags: readonly Flag[], command: string): FoundFlag {
  const found = findFlag(word, flags);
  if (found !== undefined) return found;
  const name = word
    .replace(/[=.][^]*/, '')
    .replace(/^-+/, '')
    .replaceAll('_', '-');
  const hint = suggestion(
    name,
    flags.map((flag) => flag.name),
    '--',
  );
  throw usage(
    `posthorn ${command} has no flag ${word.replace(/=[^]*/, '')}${hint}`,
    `posthorn ${command} --help lists its flags`,
  );
}

const isKnownFlag = (word: string, flags: readonly Flag[]): boolean =>
  isFlag(word) && findFlag(word, flags) !== undefined;

function setFlag(flags: Map<string, FlagValue>, flag: Flag, path: string[], value: FlagValue): void {
  if (path.length > 0) {
    const top = flags.get(flag.name);
    flags.set(flag.name, withMember(isObject(top) ? top : {}, path, value));
  } else if (flag.isMany) {
    flags.set(flag.name, [...((flags.get(flag.name) as FlagValue[] | undefined) ?? []), value]);
  } else if (flags.has(flag.name) && flags.get(flag.name) !== value) {
    throw usage(`--${flag.name} is given twice, with different values`);
  } else {
    flags.set(flag.name, value);
  }
}

function withMember(object: object, [name, ...rest]: string[], value: FlagValue): object {
  const wire = name!.replaceAll('-', '_');
  const inner = (object as Record<string, unknown>)[wire];
  return {
    ...object,
    [wire]: rest.length === 0 ? value : withMember(isObject(inner) ? inner : {}, rest, value),
  };
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function valueOf(flag: Flag, text: string): FlagValue {
  if (flag.isNullable && text === 'null') return null;
  if (flag.kind === 'number') return numberOf(flag, text);
  if (flag.kind === 'json') return jsonOrText(text);
  if (flag.choices && !flag.choices.includes(text)) {
    const hint = suggestion(text, flag.choices);
    throw usage(`--${flag.name} is one of ${flag.choices.join(', ')}; got "${text}"${hint}`);
  }
  return text;
}

function numberOf({ name, min = -Infinity, max = Infinity }: Flag, text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (text.trim() === '' || !Number.isFinite(value)) throw usage(`--${name} is a number; got "${text}"`);
  if (value >= min && value <= max) return value;
  const range = max === Infinity ? `at least ${min}` : `from ${min} to ${max}`;
  throw usage(`--${name} is a number ${range}; got ${text}`);
}

function booleanOf({ choices = [] }: Flag, word: string, text: string): boolean | string {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  if (choices.includes(text)) return text;
  throw usage(
    `${word}: expected true${choices.length > 0 ? `, false or ${choices.join(', ')}` : ' or false'}`,
  );
}

/** Text that begins as a JSON object or array has to be one; other text may be anything. */
export function jsonOrText(text: string): FlagValue {
  try {
    return JSON.parse(text) as FlagValue;
  } catch (error) {
    if (!/^\s*[{[]/.test(text)) return text;
    throw new Failure('usage', `this is not JSON: ${text.slice(0, 100)} (${(error as Error).message})`, {
      advice: ['In a shell put JSON between single quotes: \'{"partitions": 3}\''],
    });
  }
}

function namedArguments(given: string[], takes: readonly Argument[], command: string): Map<string, string> {
  const missing = takes.filter(({ isOptional }, index) => !isOptional && given[index] === undefined);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    throw usage(`posthorn ${command} needs ${names}`, `posthorn ${command} --help explains it`);
  }
  if (given.length > takes.length) {
    throw usage(
      `posthorn ${command} takes ${takes.length === 0 ? 'no argument' : takes.map(({ name }) => name).join(' ')}; "${given[takes.length]}" is one too many`,
      'Put an argument with spaces between quotes',
    );
  }
  return new Map(given.map((text, index) => [takes[index]!.name, text]));
}
