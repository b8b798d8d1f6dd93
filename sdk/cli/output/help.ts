/** Help: what a command takes, and what commands there are. */

import { GLOBAL_FLAGS, type Flag } from '../arguments/flag.ts';
import type { Command, CommandBody } from '../command.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import type { Style } from './style.ts';

const COLUMN = 22;
const WIDTH_MAX = 100;

/** @param columns of the terminal */
export function commandHelp(command: Command, body: CommandBody, columns: number, style: Style): string {
  const { args, flags, notes = [] } = body;
  const usage = [
    'posthorn',
    ...command.words,
    ...args.map(({ name, isOptional }) => (isOptional ? `[${name}]` : name)),
    ...(flags.length > 0 ? ['[flags]'] : []),
  ].join(' ');
  const width = Math.min(columns, WIDTH_MAX);
  const section = (title: string, lines: string[]): string[] =>
    lines.length === 0 ? [] : ['', style.bold(title), ...lines];
  return [
    ...wrap(command.about, width, 0),
    '',
    `  ${usage}`,
    ...section(
      'Arguments',
      args.flatMap(({ name, about }) => entry(name, about, width)),
    ),
    ...section(
      'Flags',
      flags.flatMap((flag) => entry(flagText(flag), aboutFlag(flag), width)),
    ),
    ...section(
      'Flags of every command',
      GLOBAL_FLAGS.flatMap((flag) => entry(flagText(flag), flag.about, width)),
    ),
    ...(notes.length > 0 ? ['', ...notes.flatMap((note) => wrap(note, width, 0))] : []),
  ].join('\n');
}

/** Commands below some words, or all of them. Those of one group are one line if nothing is named. */
export function overviewHelp(
  words: readonly string[],
  own: readonly Command[],
  commands: readonly Command[],
  columns: number,
  style: Style,
): string {
  const width = Math.min(columns, WIDTH_MAX);
  if (words.length > 0) {
    const below = commands.filter((command) => words.every((word, index) => command.words[index] === word));
    return [
      style.bold(`posthorn ${words.join(' ')}`),
      ...below.flatMap((command) => entry(command.words.slice(words.length).join(' '), command.about, width)),
    ].join('\n');
  }
  const groups = Map.groupBy(
    commands.filter((command) => command.words.length > 1 && !own.includes(command)),
    (command) => command.words[0]!,
  );
  return [
    ...wrap('Posthorn: events with replay and jobs with retries.', width, 0),
    '',
    '  posthorn COMMAND [arguments] [flags]',
    '',
    style.bold('First steps'),
    ...own.flatMap((command) => entry(command.words.join(' '), command.about, width)),
    '',
    style.bold('Everything that a broker has'),
    ...[...groups].flatMap(([name, members]) => entry(name, groupText(name, members), width)),
    '',
    style.bold('Flags of every command'),
    ...GLOBAL_FLAGS.flatMap((flag) => entry(flagText(flag), flag.about, width)),
    '',
    style.bold('Exit codes'),
    ...Object.values(EXIT_CODES).flatMap(({ code, meaning }) => entry(String(code), meaning, width)),
    '',
    ...wrap('posthorn COMMAND --help explains one of them.', width, 0),
  ].join('\n');
}

const groupText = (name: string, members: readonly Command[]): string =>
  name === 'call'
    ? 'any operation of the API by its id; `posthorn operations` lists them'
    : members.map(({ words }) => words[1]).join(', ');

function flagText({ name, short, kind, choices = [] }: Flag): string {
  const words = choices.length > 0 ? `[=${choices.join('|')}]` : '';
  const value = kind === 'boolean' ? words : kind === 'number' ? ' N' : kind === 'json' ? ' JSON' : ' TEXT';
  return `${short === undefined ? '' : `-${short}, `}--${name}${value}`;
}

function aboutFlag({ kind, about, choices, isMany, isRequired }: Flag): string {
  const more = [
    kind !== 'boolean' && choices?.join(' | '),
    isRequired && 'needed',
    isMany && about.includes('more than once') === false && 'may be given more than once',
  ];
  return [about, ...more].filter(Boolean).join('. ');
}

function entry(name: string, about: string, width: number): string[] {
  const indent = width < 60 ? 4 : COLUMN + 2;
  const lines = wrap(about, width, indent);
  if (name.length > indent - 4)
    return [`  ${name}`, ...lines.map((line) => line.trimEnd())].filter((line) => line.trim() !== '');
  return [`  ${name.padEnd(indent - 2)}${(lines[0] ?? '').trimStart()}`.trimEnd(), ...lines.slice(1)];
}

function wrap(text: string, width: number, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== '' && indent + line.length + 1 + word.length > Math.max(20, width)) {
      lines.push(' '.repeat(indent) + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, ' '.repeat(indent) + line];
}
