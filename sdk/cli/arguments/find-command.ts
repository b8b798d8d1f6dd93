/** Finder of commands: which one the words of a command line name. */

import type { Command } from '../command.ts';
import { usage, type Failure } from '../failure.ts';
import { PLURALS, VERB_ALIASES } from './aliases.ts';
import { GLOBAL_FLAGS } from './flag.ts';
import { suggestion } from './nearest.ts';
import { findFlag, isFlag } from './parse.ts';

export interface FoundCommand {
  /** The words that were understood; all of a command, or the beginning of several. */
  readonly words: readonly string[];
  readonly command: Command | undefined;
  /** What is left: flags and arguments. */
  readonly rest: readonly string[];
}

/** Flags of every command may stand before its words. @throws Failure for a word that no command has */
export function findCommand(argv: readonly string[], commands: readonly Command[]): FoundCommand {
  const words: string[] = [];
  const rest: string[] = [];
  let candidates = commands;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    const found = candidates.find((each) => each.words.length === words.length);
    if (found !== undefined || word === '--')
      return { words, command: found, rest: [...rest, ...argv.slice(at)] };
    if (isFlag(word)) {
      rest.push(word);
      const flag = findFlag(word, GLOBAL_FLAGS);
      if (
        flag !== undefined &&
        flag.flag.kind !== 'boolean' &&
        flag.inline === undefined &&
        at + 1 < argv.length
      ) {
        rest.push(argv[++at]!);
      }
      continue;
    }
    const next = nextWord(word, words, candidates);
    words.push(next);
    candidates = candidates.filter((each) => each.words[words.length - 1] === next);
  }
  return { words, command: candidates.find((each) => each.words.length === words.length), rest };
}

function nextWord(word: string, words: readonly string[], candidates: readonly Command[]): string {
  const known = new Set(candidates.map((each) => each.words[words.length]!));
  if (known.has(word)) return word;
  const alias = VERB_ALIASES[word];
  if (words.length === 1 && alias !== undefined && known.has(alias)) return alias;
  const plural = words.length === 0 ? PLURALS.get(word) : undefined;
  if (plural !== undefined && known.has(plural)) return plural;
  throw unknownWord(word, words, known);
}

function unknownWord(word: string, words: readonly string[], known: ReadonlySet<string>): Failure {
  const before = ['posthorn', ...words].join(' ');
  const list = known.size <= 16 ? [`There are: ${[...known].join(', ')}`] : [];
  return usage(
    words.length === 0
      ? `there is no command "${word}"${suggestion(word, known)}`
      : `${before} has no "${word}"${suggestion(word, known)}`,
    ...(list.length > 0 && words.length > 0 ? list : [`${before} --help lists what there is`]),
  );
}
