/** The list of commands against the operations of the API, and the help. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../../protocol/operations/fields.ts';
import { operations, type Operation } from '../../protocol/operations/index.ts';
import { VERSION } from '../../protocol/version.ts';
import { GLOBAL_FLAGS } from '../../sdk/cli/arguments/flag.ts';
import { commands } from '../../sdk/cli/commands/index.ts';
import { EXIT_CODES } from '../../sdk/cli/exit-codes.ts';
import { VERBS } from '../../sdk/cli/operations/verbs.ts';
import { posthorn } from './harness.ts';

const ids = Object.keys(operations) as (keyof typeof operations)[];
const wordsOf = new Map(commands.map((command) => [command.words.join(' '), command]));

describe('the list of commands', () => {
  it('reaches every operation of the API, by its words and by its id', () => {
    expect(Object.keys(VERBS).sort()).toEqual([...ids].sort());
    for (const id of ids) {
      expect(wordsOf.has(VERBS[id]), id).toBe(true);
      expect(wordsOf.has(`call ${id}`), id).toBe(true);
    }
  });

  it('has no two commands with the same words, and none that is the beginning of another', () => {
    expect(wordsOf.size).toBe(commands.length);
    const all = [...wordsOf.keys()];
    const hidden = all.filter((words) => all.some((other) => other.startsWith(`${words} `)));
    expect(hidden).toEqual([]);
  });

  it('has ls, get, create and delete for all that can be declared', () => {
    for (const kind of [
      'topics',
      'queues',
      'exchanges',
      'policies',
      'alerts',
      'schedules',
      'tokens',
      'namespaces',
    ]) {
      for (const verb of ['ls', 'get', 'create', 'delete'])
        expect([...wordsOf.keys()]).toContain(`${kind} ${verb}`);
    }
  });

  it('gives every field of an operation an argument or a flag', async () => {
    for (const id of ids) {
      const operation: Operation = operations[id];
      const { args, flags } = await wordsOf.get(VERBS[id])!.load();
      const taken = new Set([
        ...args.map(({ name }) => name.toLowerCase()),
        ...flags.map(({ name }) => name.replaceAll('-', '_')),
        'namespace', // of every command
      ]);
      expect(
        fieldsOf(operation)
          .map(({ name }) => name)
          .filter((name) => !taken.has(name)),
        id,
      ).toEqual([]);
    }
  });

  it('has no flag of a command that is one of every command', async () => {
    const shared = new Set<string>(
      GLOBAL_FLAGS.flatMap((flag) => [flag.name, ...('short' in flag ? [flag.short] : [])]),
    );
    for (const [words, command] of wordsOf) {
      const { flags } = await command.load();
      const names = flags.flatMap(({ name, short }) => [name, ...(short === undefined ? [] : [short])]);
      expect(
        names.filter((name) => shared.has(name)),
        words,
      ).toEqual([]);
      expect(new Set(names).size, words).toBe(names.length);
    }
  });
});

describe('the help', () => {
  it('names every group of commands', async () => {
    const { code, stdout } = await posthorn([]);
    expect(code).toBe(0);
    for (const { words } of commands) expect(stdout).toContain(words[0]);
    expect(await posthorn(['--help'])).toEqual({ code, stdout, stderr: '' });
  });

  it('explains a command with its arguments, its flags and what it calls', async () => {
    const { code, stdout } = await posthorn(['queues', 'create', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('posthorn queues create QUEUE [flags]');
    expect(stdout).toContain('--max-length N');
    expect(stdout).toContain('drop-head | reject-publish');
    expect(stdout).toContain('PUT /v1/{namespace}/queues/{queue}');
  });

  it('fits into a terminal of 40 columns', async () => {
    for (const words of [[], ['queues'], ['queues', 'create'], ['consume'], ['call', 'replayDeadLetters']]) {
      const { stdout } = await posthorn([...words, '--help'], { columns: 40, env: { NO_COLOR: '1' } });
      const tooLong = stdout
        .split('\n')
        .filter(
          (line) =>
            line.length > 40 &&
            line.trim().includes(' ') &&
            !line.includes('/v1/') &&
            !line.includes(' --') &&
            !/^ {2}posthorn /.test(line),
        );
      expect(tooLong).toEqual([]);
    }
  });
});

it('documents its exit codes', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/command-line.md'), 'utf8');
  for (const { code, meaning } of Object.values(EXIT_CODES))
    expect(page).toContain(`| ${code} | ${meaning} |`);
});

it.each([[['version']], [['--version']]])('%j tells the version', async (words) => {
  expect(await posthorn(words)).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
  expect(JSON.parse((await posthorn([...words, '--json'])).stdout)).toEqual({ version: VERSION });
});
