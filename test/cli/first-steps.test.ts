/** The command against a broker: declare, produce and tail, publish and consume, look, delete. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../support/broker/test-broker.ts';
import { linesOf, posthorn, type Ran, type RunOptions } from './harness.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const cli = (words: string, options: RunOptions = {}): Promise<Ran> =>
  posthorn(words.split(' '), { ...options, env: { POSTHORN_URL: broker.url, ...options.env } });

async function ok(words: string, options: RunOptions = {}): Promise<Ran> {
  const ran = await cli(words, options);
  expect(ran.stderr.replace(/^.*(Each line|skipped).*\n/gm, ''), words).toBe('');
  expect(ran.code, words).toBe(0);
  return ran;
}

describe('a topic', () => {
  it('is created, filled from lines, read back and deleted', async () => {
    expect(linesOf(await ok('topics create orders --partitions 1 --json'))).toMatchObject([
      { topic: 'orders', partitions: 1 },
    ]);
    expect((await ok('topics ls')).stdout).toMatch(/topic +partitions.*\norders +1 /);
    expect((await ok('produce orders', { stdin: 'one\ntwo\r\nthree' })).stdout).toBe(
      '3 records are stored\n',
    );
    expect((await ok('tail orders --last 2')).stdout).toBe('"two"\n"three"\n');
    expect((await ok('tail orders --raw --max 1')).stdout).toBe('one\n');
    await ok('topics delete orders');
    expect((await cli('topics get orders')).code).toBe(5);
  });

  it('keeps records as they were printed', async () => {
    await ok('topics create copies --partitions 2');
    const stdin =
      '{"key":"a","value":{"n":1},"headers":{"h":"1"},"partition":1}\n{"key":null,"value":null,"partition":0}\n';
    await ok('produce copies --records', { stdin });
    const { stdout } = await ok('tail copies --json');
    await ok('topics create again --partitions 2');
    await ok('produce again --records', { stdin: stdout });
    const read = linesOf(await ok('tail again --json')) as { partition: number }[];
    expect(read.sort((a, b) => a.partition - b.partition)).toMatchObject([
      { partition: 0, key: null, value: null },
      { partition: 1, offset: 0, key: 'a', value: { n: 1 }, headers: { h: '1' } },
    ]);
  });

  it('takes keys from a member, a separator or a flag', async () => {
    await ok('topics create keyed --partitions 1');
    await ok('produce keyed --json --key-field customer.id', {
      stdin: '{"customer": {"id": 7}, "big": 12345678901234567890}\n\n',
    });
    await ok('produce keyed --key-separator :', { stdin: 'k:v:w\n' });
    await ok('produce keyed --key fixed -H a=1', { stdin: 'x\n' });
    expect((await ok('tail keyed --json')).stdout.replace(/"timestamp":\d+/g, '"timestamp":0')).toBe(
      [
        '{"partition":0,"offset":0,"timestamp":0,"key":"7","value":{"customer": {"id": 7}, "big": 12345678901234567890},"headers":{}}',
        '{"partition":0,"offset":1,"timestamp":0,"key":"k","value":"v:w","headers":{}}',
        '{"partition":0,"offset":2,"timestamp":0,"key":"fixed","value":"x","headers":{"a":"1"}}',
        '',
      ].join('\n'),
    );
  });

  it('is followed until Ctrl-C', async () => {
    await ok('topics create live --partitions 1');
    const stop = new AbortController();
    const following = cli('tail -f live', {
      signal: stop.signal,
      onStdout: (text) => text.includes('"last"') && stop.abort(),
    });
    await ok('produce live', { stdin: 'first\nlast\n' });
    expect(await following).toEqual({ code: 0, stdout: '"first"\n"last"\n', stderr: '' });
  });
});

describe('lines that are broken', () => {
  const broken = `${'{"n": 1}\n'.repeat(3)}{"n": \n${'{"n": 2}\n'.repeat(2)}`;

  it('stop the command, which says where, and go on from there', async () => {
    await ok('topics create strict --partitions 1');
    const { code, stdout, stderr } = await cli('produce strict --json', { stdin: broken });
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'broken_line', line: 4, stored: 3 } });
    await ok('produce strict --json --from-line 5', { stdin: broken });
    expect(linesOf(await ok('tail strict'))).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }, { n: 2 }, { n: 2 }]);
  });

  it('are left out if a flag says so', async () => {
    await ok('topics create lax --partitions 1');
    const { code, stdout, stderr } = await cli('produce lax --json --skip-broken', { stdin: broken });
    expect(stderr).toContain('line 4 is skipped: it is not JSON');
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toEqual({ topic: 'lax', stored: 5, skipped: 1 });
  });

  it('are named if the broker refuses them', async () => {
    await ok('topics create compacted --partitions 1 --cleanup-policy compact');
    const { code, stderr } = await cli('produce compacted', { stdin: 'no key\n' });
    expect(code).toBe(1);
    expect(stderr).toContain('line 1 was not stored');
  });

  it('do not stop Ctrl-C from saying what is stored', async () => {
    await ok('topics create endless --partitions 1');
    const stop = new AbortController();
    async function* lines(): AsyncGenerator<string> {
      yield 'one\ntwo\n';
      stop.abort();
      await new Promise(() => {});
    }
    const { code, stderr } = await cli('produce endless', { stdin: lines(), signal: stop.signal });
    expect(code).toBe(130);
    expect(stderr).toContain('2 records are stored; go on with --from-line 3');
  });
});

describe('a queue', () => {
  it('is filled by arguments and by lines, and emptied', async () => {
    await ok('queues create mails --lease-ms 5000 --retry.schedule-ms [10]');
    await posthorn(['publish', 'mails', '{"to": "ada"}', '--header', 'a=b', '--priority', '0'], {
      env: { POSTHORN_URL: broker.url },
    });
    await ok('publish mails plain');
    await ok('publish mails 12 --text');
    await ok('publish mails --json', { stdin: '{"to": "eve"}\n' });
    const ran = await ok('consume mails --max 4');
    expect(ran.stdout).toBe('{"to": "ada"}\n"plain"\n"12"\n{"to": "eve"}\n');
    expect((await ok('consume mails --wait-ms 50')).stdout).toBe('');
  });

  it('keeps what is only looked at', async () => {
    await ok('queues create looked');
    await ok('publish looked one');
    expect(linesOf(await ok('consume looked --max 1 --keep --json'))).toMatchObject([
      { body: 'one', delivery_count: 1 },
    ]);
    expect((await ok('consume looked --max 1 --raw')).stdout).toBe('one\n');
  });

  it('gets back what the reader of a pipe has not taken', async () => {
    await ok('queues create piped');
    await ok('publish piped', { stdin: 'one\ntwo\n' });
    expect(await cli('consume piped', { writesMax: 0 })).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await ok('consume piped --max 2 --raw')).stdout).toBe('one\ntwo\n');
  });

  it('that does not exist is told with what to do', async () => {
    const { code, stderr } = await cli('consume nothing-here');
    expect(code).toBe(5);
    expect(stderr).toContain('posthorn queues create QUEUE');
  });
});

describe('operations', () => {
  it('are called by their ids, with data from standard input', async () => {
    await ok('call declareQueue by-id --data -', { stdin: '{"max_length": 10}' });
    expect(linesOf(await ok('call getQueue by-id --json'))).toMatchObject([
      { queue: 'by-id', max_length: 10 },
    ]);
    expect(linesOf(await ok('call publishToQueue by-id --messages [{"body":1}] --json'))).toMatchObject([
      { stored: 1 },
    ]);
    expect(linesOf(await ok('queues peek by-id --json'))).toMatchObject([{ messages: [{ body: 1 }] }]);
  });

  it('bind, and list bindings as a table', async () => {
    await ok('exchanges create events --type topic');
    await ok('queues create bound');
    await ok('bindings create events --destination {"kind":"queue","name":"bound"} --routing-key orders.#');
    expect((await ok('bindings ls events')).stdout).toMatch(
      /destination\.kind +destination\.name +routing key\n.* queue +bound +orders\.#/,
    );
  });

  it('list page by page to the end', async () => {
    for (const name of ['p1', 'p2', 'p3']) await ok(`queues create page-${name}`);
    const all = linesOf(await ok('queues ls --json'))[0] as { queues: { queue: string }[]; next?: string };
    expect(all.next).toBeUndefined();
    const page = linesOf(await ok('queues ls --json --limit 1'))[0] as { queues: unknown[]; next: string };
    expect(page.queues).toHaveLength(1);
    expect(page.next).toBeTypeOf('string');
  });

  it('export lines as they come', async () => {
    await ok('queues create dead');
    expect(linesOf(await ok('dlq export dead'))).toEqual([{ count: 0 }]);
    expect((await cli('dlq ls dead')).stderr).toContain('There are no dead letters.');
  });

  it('narrow lists of a terminal of 40 columns', async () => {
    const { stdout } = await cli('exchanges ls', { columns: 40, env: { NO_COLOR: '1' } });
    expect(stdout.split('\n').filter((line) => line.length > 40)).toEqual([]);
    expect(stdout).toContain('amq.');
  });

  it('colour only a terminal', async () => {
    expect((await ok('exchanges ls')).stdout).not.toContain('\x1b[');
    expect((await cli('exchanges ls', { columns: 80 })).stdout).toContain('\x1b[1m');
    expect((await cli('exchanges ls --no-color', { columns: 80 })).stdout).not.toContain('\x1b[');
  });
});
