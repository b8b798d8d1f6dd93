/** Wrong command lines: each is told what is meant, and nothing is sent. */

import { describe, expect, it } from 'vitest';
import { nearest } from '../../sdk/cli/arguments/nearest.ts';
import { parseArguments } from '../../sdk/cli/arguments/parse.ts';
import type { Flag } from '../../sdk/cli/arguments/flag.ts';
import { posthorn } from './harness.ts';

describe('a wrong command line', () => {
  it.each([
    [['topcs'], 'Did you mean topics?'],
    [['consum', 'q'], 'Did you mean consume?'],
    [['topics', 'lst'], 'Did you mean ls?'],
    [['topics', 'crate', 't'], 'Did you mean create?'],
    [['topics'], 'needs one more word'],
    [['call', 'getQueu', 'q'], 'Did you mean getQueue?'],
    [['topics', 'create', 't', '--partitons', '3'], 'Did you mean --partitions?'],
    [['topics', 'ls', '--jsn'], 'Did you mean --json?'],
    [['consume', 'q', '-x'], 'has no flag -x'],
    [['consume'], 'needs QUEUE'],
    [['consume', 'q', 'r'], '"r" is one too many'],
    [['consume', 'q', '--max'], '--max needs a value'],
    [['consume', 'q', '--max', '--json'], '--max needs a value'],
    [['consume', 'q', '--max', 'ten'], '--max is a number'],
    [['consume', 'q', '--max', '0'], 'at least 1'],
    [['consume', 'q', '--raw=maybe'], 'expected true or false'],
    [['queues', 'delete', 'q', '--if-unused=maybe'], 'expected true, false or consumers'],
    [['topics', 'create', 't', '--cleanup-policy', 'compct'], 'Did you mean compact?'],
    [['topics', 'create', 't', '--partitions', '1', '--partitions', '2'], 'given twice'],
    [['topics', 'create', 't', '--data', '{broken'], 'not JSON'],
    [['topics', 'create', 't', '--data', '[1]'], '--data is a JSON object'],
    [['topics', 'create', 't', '--data', '{"partition": 1}'], 'no field "partition"'],
    [['topics', 'create', 't', '--data', '@/nowhere/at-all'], 'no such file'],
    [['topics', 'create', 'bad name'], 'TOPIC "bad name" is not allowed'],
    [['topics', 'get', '..'], 'TOPIC ".." is not allowed'],
    [['tokens', 'get', '..'], 'TOKEN ".." is not allowed'],
    [['topics', 'partition', 't', 'one'], 'PARTITION "one" is not allowed'],
    [['policies', 'create', 'p'], '--pattern'],
    [['tail', 't', '--from', 'yesterday'], '--from is earliest'],
    [['produce', 't', '--key-field', 'id'], 'needs --json'],
    [['publish', 'q', 'x', '-H', 'no-value'], '--header is name=value'],
    [['topics', 'ls', '--url', 'nowhere'], 'expected an address'],
    [['topics', 'ls', '--profile', 'nobody'], 'there is no profile "nobody"'],
  ])('%j is refused: %s', async (argv, says) => {
    const { code, stdout, stderr } = await posthorn(
      [...argv, ...(argv.includes('--url') ? [] : ['--url', 'http://127.0.0.1:9'])],
      {
        env: { POSTHORN_NAMESPACE: 'default' },
      },
    );
    expect(stderr.toLowerCase()).toContain(says.toLowerCase());
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('is told as JSON to a script', async () => {
    const { code, stderr } = await posthorn(['topics', 'lst', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'usage', exit_code: 2 } });
  });
});

describe('a broker that does not answer', () => {
  it('is told with what to do, and exit code 3', async () => {
    const { code, stderr } = await posthorn(['topics', 'ls'], {
      env: { POSTHORN_URL: 'http://127.0.0.1:9' },
    });
    expect(code).toBe(3);
    expect(stderr).toContain('No broker answers at http://127.0.0.1:9 (from POSTHORN_URL).');
    expect(stderr).toContain('posthorn dev');
  });
});

describe('the parser', () => {
  const flags: Flag[] = [
    { name: 'max', short: 'm', kind: 'number', about: '' },
    { name: 'follow', short: 'f', kind: 'boolean', about: '' },
    { name: 'header', kind: 'text', isMany: true, about: '' },
    { name: 'retry', kind: 'json', about: '' },
    { name: 'ttl', kind: 'number', isNullable: true, about: '' },
  ];
  const parse = (...argv: string[]): { args: object; flags: object } => {
    const parsed = parseArguments(argv, { args: [{ name: 'A', about: '', isOptional: true }], flags }, 'x');
    return { args: Object.fromEntries(parsed.args), flags: Object.fromEntries(parsed.flags) };
  };

  it.each<[string[], object, object?]>([
    [['--max', '5'], { max: 5 }],
    [['--max=5', 'a'], { max: 5 }, { A: 'a' }],
    [['-m5'], { max: 5 }],
    [['-m', '-5'], { max: -5 }],
    [['-f', 'a'], { follow: true }, { A: 'a' }],
    [['--no-follow'], { follow: false }],
    [['--follow=false'], { follow: false }],
    [['--', '--max'], {}, { A: '--max' }],
    [['-'], {}, { A: '-' }],
    [['--header', 'a=1', '--header', 'b=--c'], { header: ['a=1', 'b=--c'] }],
    [['--retry', '{"base_ms": 1}'], { retry: { base_ms: 1 } }],
    [['--retry.schedule-ms', '[1,2]', '--retry.x', 'text'], { retry: { schedule_ms: [1, 2], x: 'text' } }],
    [['--ttl', 'null'], { ttl: null }],
    [['--ttl', '1_000'], { ttl: 1000 }],
  ])('reads %j', (argv, expected, args = {}) => {
    expect(parse(...argv)).toEqual({ flags: expected, args });
  });
});

describe('the nearest word', () => {
  it.each([
    ['tpoics', 'topics'],
    ['queue', 'queues'],
    ['del', 'delete'],
    ['zzz', undefined],
  ])('to %s is %s', (word, expected) => {
    expect(nearest(word, ['topics', 'queues', 'delete', 'dlq'])).toBe(expected);
  });
});
