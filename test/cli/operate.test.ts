/** The command for operators: dead letters, offsets, definitions, profiles, doctor, top, completion. */

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { latencyOf } from '../../sdk/cli/commands/bench.ts';
import { Progress, progressText } from '../../sdk/cli/output/progress.ts';
import { Output } from '../../sdk/cli/output/output.ts';
import { Printer } from '../../sdk/cli/output/printer.ts';
import { styleFor } from '../../sdk/cli/output/style.ts';
import { TestBroker } from '../support/broker/test-broker.ts';
import { linesOf, posthorn, type Ran, type RunOptions } from './harness.ts';

let broker: TestBroker;
let folder: string;
beforeAll(async () => {
  broker = await TestBroker.start();
  folder = await mkdtemp(join(process.env['POSTHORN_TEST_FOLDER'] ?? tmpdir(), 'posthorn-cli-'));
});
afterAll(async () => {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

const cli = (words: string, options: RunOptions = {}): Promise<Ran> =>
  posthorn(words.split(' '), { ...options, env: { POSTHORN_URL: broker.url, ...options.env } });

async function ok(words: string, options: RunOptions = {}): Promise<Ran> {
  const ran = await cli(words, options);
  expect({ code: ran.code, stderr: ran.stderr }, words).toEqual({ code: 0, stderr: '' });
  return ran;
}

it('a flag that is true or false may take a word too', async () => {
  await ok('queues create held');
  await ok('publish held one');
  const refused = await cli('queues delete held --if-unused=consumers --if-empty=unleased');
  expect(refused.stderr).toContain('holds 1 messages');
  await ok('messages take held --max 1');
  await ok('queues delete held --if-unused=consumers --if-empty=unleased');
});

describe('dead letters', () => {
  it('are found, explained, mended and sent back with one command each', async () => {
    await ok('queues create orders');
    await ok('publish orders --json', { stdin: '{"id":1}\n{"id":2}\n{"id":"three"}\n' });
    const [taken] = linesOf(await ok('messages take orders --max 3 --json')) as [
      { deliveries: { delivery_tag: string }[] },
    ];
    const reject = taken.deliveries.map(({ delivery_tag: tag }) => ({
      tag,
      error: { type: 'TypeError', message: 'no number' },
    }));
    await ok(`messages settle orders --reject ${JSON.stringify(reject).replaceAll(' ', '\\u0020')}`);

    const { stdout } = await ok('dlq ls orders');
    expect(stdout).toMatch(/reason +error\.type .*\n/);
    expect(stdout).toContain('TypeError');
    const [list] = linesOf(await ok('dlq ls orders --json')) as [{ dead_letters: { id: string }[] }];
    const last = list.dead_letters.at(-1)!.id;
    expect((await ok(`dlq get orders ${last}`)).stdout).toContain('original_message.body.id');
    await ok(`dlq resend orders ${last} --message.body {"id":3}`);
    expect((await ok('consume orders --max 1')).stdout).toBe('{"id":3}\n');

    expect(linesOf(await ok('replay orders --dry-run --json'))).toMatchObject([{ would_replay: 2 }]);
    expect(linesOf(await ok('replay orders --error-type RangeError --json'))).toMatchObject([{ moved: 0 }]);
    expect((await ok('replay orders --error-type TypeError')).stdout).toBe(
      '2 dead letters were sent back, 0 stay\n',
    );
    expect((await ok('consume orders --max 2')).stdout).toBe('{"id":1}\n{"id":2}\n');
  });
});

describe('the messages of a queue', () => {
  it('are listed, cancelled, run and moved with one command each', async () => {
    await ok('queues create jobs');
    await ok('queues create parking');
    await ok('messages publish jobs --messages [{"body":1},{"body":2,"properties":{"delay_ms":3600000}}]');
    expect((await ok('messages ls jobs')).stdout).toMatch(/id +state .*\n.* ready .*\n.* delayed /);
    type List = { messages: { id: string; body: number }[] };
    const [delayed] = linesOf(await ok('messages ls jobs --state delayed --json')) as [List];
    const { id } = delayed.messages[0]!;
    expect(linesOf(await ok(`messages run jobs ${id} --json`))).toMatchObject([{ outcome: 'ready' }]);
    const gone = await cli(`messages cancel jobs ${id}`);
    expect([gone.code, gone.stderr]).toEqual([5, expect.stringContaining('posthorn messages ls QUEUE')]);
    const [ready] = linesOf(await ok('messages ls jobs --json')) as [List];
    const first = ready.messages.find(({ body }) => body === 1)!;
    expect(linesOf(await ok(`messages cancel jobs ${first.id} --json`))).toMatchObject([
      { outcome: 'cancelled' },
    ]);
    expect(linesOf(await ok('move jobs parking --dry-run --json'))).toMatchObject([{ would_move: 1 }]);
    expect(linesOf(await ok('move jobs parking --state delayed --json'))).toMatchObject([{ moved: 0 }]);
    expect((await ok('move jobs parking')).stdout).toBe('1 messages were moved to parking\n');
    expect((await ok('consume parking --max 1')).stdout).toBe('2\n');
    expect((await cli('move jobs nowhere')).code).toBe(5);
  });

  it('are asked for their route', async () => {
    await ok('queues create routed');
    expect(linesOf(await ok('exchanges route amq.default --routing-key routed --json'))).toMatchObject([
      { destinations: [{ kind: 'queue', name: 'routed' }], unroutable: false },
    ]);
  });
});

describe('events', () => {
  it('are sent by flags and by data, with members that the document does not name', async () => {
    await ok('queues create event-jobs');
    await ok('events send --queue event-jobs --specversion 1.0 --id 1 --source /shop --type order.created');
    const event = {
      specversion: '1.0',
      id: '2',
      source: '/shop',
      type: 'order.paid',
      region: 'eu',
      data: [1],
    };
    await ok('events send --queue event-jobs -d -', { stdin: JSON.stringify(event) });
    const [peeked] = linesOf(await ok('queues peek event-jobs --max 2 --json')) as [{ messages: object[] }];
    expect(peeked.messages).toMatchObject([
      { body: null, headers: { ce_type: 'order.created' } },
      { body: [1], headers: { ce_region: 'eu' } },
    ]);
  });
});

describe('the offsets of a group', () => {
  it('are moved', async () => {
    await ok('topics create events --partitions 1');
    await ok('produce events', { stdin: 'a\nb\nc\n' });
    expect((await ok('reset billing events --to latest --dry-run')).stdout).toMatch(/\nevents .*3\n/);
    expect(linesOf(await ok('reset billing events --to 2 --json'))).toMatchObject([
      { offsets: [{ partition: 0, to: 2 }] },
    ]);
    expect(linesOf(await ok('reset billing events --shift-by -1 --json'))).toMatchObject([
      { offsets: [{ from: 2, to: 1 }] },
    ]);
    expect((await cli('reset billing events')).code).toBe(2);
  });
});

describe('definitions', () => {
  it('are exported, compared, and imported elsewhere', async () => {
    await ok('exchanges create shop --type topic');
    await ok('bindings create shop --destination {"kind":"queue","name":"orders"} --routing-key orders.#');
    await ok('policies create long --pattern orders* --definition {"max_length":100}');
    const document = (await ok('definitions export')).stdout;
    expect(JSON.parse(document)).toMatchObject({
      posthorn: 1,
      bindings: [{ source: 'shop', routing_key: 'orders.#' }],
    });
    // What the policy says is the policy's, and what the defaults say is nobody's.
    const { queues } = JSON.parse(document) as { queues: Record<string, unknown>[] };
    expect(queues.find(({ queue }) => queue === 'orders')).toEqual({ queue: 'orders' });
    expect((await ok('definitions diff -', { stdin: document })).stdout).toBe('Nothing differs.\n');

    const changed = document
      .replace('"max_length": 100', '"max_length": 200')
      .replace('"orders.#"', '"orders.new"');
    const diff = await cli('definitions diff -', { stdin: changed });
    expect(diff.code).toBe(6);
    expect(diff.stdout).toContain('change policy long: definition {"max_length":100} -> {"max_length":200}');
    expect(diff.stdout).toContain('create binding shop -> queue orders "orders.new"');
    expect((await cli('definitions import -', { stdin: changed })).stderr).toContain('Add --yes');
    expect((await ok('definitions diff -', { stdin: document })).stdout).toBe('Nothing differs.\n');

    await ok('definitions import - --yes --prune', { stdin: changed });
    expect((await ok('definitions diff - --prune', { stdin: changed })).stdout).toBe('Nothing differs.\n');
    expect((await ok('bindings ls shop')).stdout).not.toContain('orders.#');
  });

  it.each([
    ['{"queues": [{"queue": "q", "max_lenght": 5}]}', 'queues[0]: unknown field "max_lenght"'],
    ['{"topics": [{"topic": "t"}, {"topic": "t"}]}', 'the topic "t" is there twice'],
    [
      `{"bindings": [${Array(2).fill('{"source": "s", "destination": {"kind": "queue", "name": "q"}}').join()}]}`,
      's -> queue q ""',
    ],
  ])('are not taken from a document with a mistake: %s', async (text, problem) => {
    const { code, stderr } = await cli('definitions import - --yes', {
      stdin: text.replace('{', '{"posthorn": 1, '),
    });
    expect([code, stderr]).toEqual([1, expect.stringContaining(problem)]);
  });

  it('change nothing if there is a setting that cannot be changed', async () => {
    await ok('queues create levels --max-priority 5');
    const document =
      '{"posthorn": 1, "queues": [{"queue": "fresh"}, {"queue": "levels", "max_priority": 9}]}';
    const { code, stderr } = await cli('definitions import - --yes', { stdin: document });
    expect(code).toBe(1);
    expect(stderr).toContain('its max_priority is 5, not 9; it cannot change');
    expect((await ok('queues ls')).stdout).not.toContain('fresh');
  });

  it('are imported after a question where somebody sits at a terminal', async () => {
    const file = join(folder, 'definitions.json');
    await writeFile(file, '{"posthorn": 1, "queues": [{"queue": "asked"}, {"queue": "orders"}]}');
    const answered = (text: string): Promise<Ran> => {
      const stdin = Object.assign(Readable.from([Buffer.from(text)]), { isTTY: true });
      return cli(`definitions import ${file}`, { stdin, columns: 80 });
    };
    for (const no of ['n\n', '\n', '']) {
      const { code, stdout, stderr } = await answered(no);
      expect([code, stdout]).toEqual([6, expect.stringContaining('create queue asked')]);
      expect(stderr).toContain('1 entries are unchanged');
      expect(stderr).toContain('Take these 1 steps? [y/N]');
      expect(stderr).toContain('Nothing is changed');
    }
    expect((await answered('yes\n')).code).toBe(0);
    const diff = linesOf(await ok(`definitions diff ${file} --json`));
    expect(diff).toEqual([{ steps: [], unchanged: 2 }]);
  });

  it.each([
    ['nothing', 2, 'not JSON'],
    ['{}', 2, 'has no "posthorn": 1'],
    ['{"posthorn": 1, "topcs": []}', 2, 'Did you mean topics?'],
    ['{"posthorn": 1, "topics": [{}]}', 1, 'topics[0].topic'],
    ['{"posthorn": 1, "bindings": [{"source": "a"}]}', 1, 'bindings[0].destination'],
    ['{"posthorn": 1, "topics": [{"topic": "good"}, {"topic": "bad name"}]}', 1, 'topics[1].topic'],
  ])('are not %s', async (stdin, exit, says) => {
    const { code, stderr } = await cli('definitions import - --yes', { stdin });
    expect(code).toBe(exit);
    expect(stderr).toContain(says);
    expect((await ok('topics ls')).stdout).not.toContain('good');
  });

  it('are read from a file of RabbitMQ, and what has no counterpart is told', async () => {
    const stdin = JSON.stringify({
      rabbit_version: '3.10.8',
      users: [{ name: 'shop', tags: [] }],
      queues: [{ name: 'from-rabbit', vhost: '/', durable: true, arguments: { 'x-max-priority': 4 } }],
    });
    const leftOut = 'posthorn: left out users shop: users are tokens here: posthorn tokens make\n';
    const diff = await cli('definitions diff -', { stdin });
    expect([diff.code, diff.stdout]).toEqual([6, 'create queue from-rabbit\n']);
    expect(diff.stderr).toContain(leftOut);
    const done = await cli('definitions import - --yes', { stdin });
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('1 steps are done')]);
    expect(done.stderr).toBe(leftOut);
    expect(linesOf(await cli('definitions diff - --json', { stdin }))).toMatchObject([
      { steps: [], unchanged: 1, left_out: [{ kind: 'users', name: 'shop' }] },
    ]);
    const pruned = await cli('definitions import - --yes --prune', { stdin });
    expect([pruned.code, pruned.stderr]).toEqual([1, expect.stringContaining('RabbitMQ')]);
  });

  it('return to the defaults that a document leaves out, keep long numbers, and tell a secret once', async () => {
    await ok('queues create brief --lease-ms 5000');
    const hook = '{"hook":"build","target":{"queue":"brief"},"scheme":"github"}';
    const body = '{"n":12345678901234567890}';
    const schedule = `{"schedule":"long","cron":"@daily","target":{"queue":"brief"},"message":{"body":${body}}}`;
    const stdin = `{"posthorn":1,"queues":[{"queue":"brief"}],"hooks":[${hook}],"schedules":[${schedule}]}`;
    const { stdout } = await ok('definitions import - --yes', { stdin });
    expect(stdout).toContain('change queue brief: lease_ms 5000 -> (default)');
    expect(stdout).toMatch(/create hook build, with the secret whsec_/);
    expect((await ok('definitions export --kinds schedules')).stdout).toContain(body);
    expect((await ok('definitions diff -', { stdin })).stdout).toBe('Nothing differs.\n');
  });
});

describe('profiles', () => {
  const env = (): Record<string, string> => ({ XDG_CONFIG_HOME: folder, POSTHORN_URL: '' });

  it('name brokers, and keep their tokens to themselves', async () => {
    const url = broker.url;
    await ok(`profiles set here --url ${url} --namespace default --token ph_secret`, { env: env() });
    await ok('profiles set other --url http://127.0.0.1:9', { env: env() });
    const file = join(folder, 'posthorn/config.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ current: 'here' });
    const { stdout } = await ok('profiles ls', { env: env() });
    expect(stdout).toContain('ph_sec...');
    expect(stdout).not.toContain('ph_secret');
    expect((await cli('topics ls --profile other', { env: env() })).code).toBe(3);
    expect((await cli('topics ls --profile othr', { env: env() })).stderr).toContain('Did you mean other?');
    const elsewhere = await cli('topics ls --profile here --url http://127.0.0.1:9', { env: env() });
    expect(elsewhere).toMatchObject({ code: 2, stdout: '' });
    expect(elsewhere.stderr).toContain('the token of profile "here" is for');
    expect((await cli('profiles set here --url http://127.0.0.1:9', { env: env() })).code).toBe(2);
    await ok('profiles use other', { env: env() });
    expect((await cli('topics ls', { env: env() })).stderr).toContain('(from profile "other")');
    await ok('profiles delete other', { env: env() });
    expect((await cli('profiles use other', { env: env() })).code).toBe(2);
  });
});

describe('the doctor', () => {
  it('checks the way to the broker', async () => {
    const { stdout } = await ok('doctor');
    expect(stdout).toMatch(/ok +broker +it answers 200/);
    expect(stdout).toMatch(/ok +token/);
  });

  it('says what is wrong, and what to do', async () => {
    const { code, stdout } = await cli('doctor', { env: { POSTHORN_URL: 'http://127.0.0.1:9' } });
    expect(code).toBe(3);
    expect(stdout).toMatch(/bad +broker/);
    expect(stdout).toContain('posthorn dev');
  });
});

describe('top', () => {
  it('prints one table for a script', async () => {
    await ok('queues create full');
    await ok('publish full x');
    const [{ queues }] = linesOf(await ok('top --json')) as [{ queues: { queue: string; ready: number }[] }];
    expect(queues.find(({ queue }) => queue === 'full')).toMatchObject({ ready: 1, in_per_s: null });
    expect((await ok('top --count 2 --interval-ms 100')).stdout.match(/^queue /gm)).toHaveLength(2);
  });
});

describe('completion', () => {
  it.each([
    [['to'], 'tokens\ntop\ntopics'],
    [['topics', 'cr'], 'create'],
    [['queues', 'create', 'q', '--over'], '--overflow'],
    [['queues', 'create', 'q', '--overflow', 'drop'], 'drop-head'],
    [['nothing', ''], ''],
  ])('of %j is %j', async (words, expected) => {
    const { stdout } = await posthorn(['complete', '--', ...words]);
    expect(stdout.trim().split('\n').sort()).toEqual(expected.split('\n').sort());
  });

  it('has a script for each shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await ok(`completion ${shell}`)).stdout).toContain('posthorn complete --');
    expect((await cli('completion tcsh')).code).toBe(2);
  });
});

describe('progress', () => {
  it('says the rate and the rest, and fits the terminal', () => {
    const stream = { isTTY: false, write: () => true, on: () => {} };
    const printer = new Printer(new Output(stream), new Output(stream), {
      isJson: false,
      isQuiet: false,
      style: styleFor(false),
    });
    const progress = new Progress(printer, 'dead letters', -5_000);
    // It begins late, at 1,000 a second: the rest follows within the window.
    progress.update(0, 100_000, 0);
    for (let ms = 100; ms <= 4_000; ms += 100) progress.update(ms, 100_000, ms);
    expect(progress.update(4_000, 100_000, 4_000).restMs).toBeCloseTo(96_000, -3);
    for (let ms = 4_100; ms <= 10_000; ms += 100) progress.update(4_000 + (ms - 4_000) * 4, 100_000, ms);
    const now = progress.update(28_000, 100_000, 10_000);
    expect(now.restMs! / 18_000).toBeGreaterThan(0.8);
    expect(now.restMs! / 18_000).toBeLessThan(1.2);
    expect(progressText(now, 'dead letters', 80)).toBe(
      '██████░░░░░░░░░░░░░░  28 %  28,000 of 100,000 dead letters  4,000/s  18 s left',
    );
    expect(progressText(now, 'dead letters', 40).length).toBeLessThan(40);
  });
});

describe('bench', () => {
  it('measures what a client sees, and leaves nothing behind', async () => {
    const [result] = linesOf(await ok('bench --count 300 --awaited 5 --bytes 50 --json'));
    const rate = {
      count: 300,
      seconds: expect.any(Number) as number,
      per_second: expect.any(Number) as number,
    };
    const latency = { count: 5, p50_ms: expect.any(Number) as number, p99_ms: expect.any(Number) as number };
    expect(result).toMatchObject({
      url: broker.url,
      bytes: 50,
      produce: rate,
      fetch: rate,
      publish: rate,
      consume: rate,
      publish_awaited: latency,
      delivery: latency,
    });
    const { stdout } = await ok('bench --count 10 --awaited 2');
    expect(stdout).toMatch(/produce records, confirmed +[\d,]+ a second/);
    for (const list of ['topics ls', 'queues ls'])
      expect((await cli(list)).stdout).not.toContain('posthorn-bench');
  });

  it('says which figure a latency is', () => {
    const values = Array.from({ length: 100 }, (_, nth) => 100 - nth);
    expect(latencyOf(values)).toEqual({ count: 100, p50_ms: 50, p99_ms: 99, max_ms: 100 });
    expect(latencyOf([7])).toEqual({ count: 1, p50_ms: 7, p99_ms: 7, max_ms: 7 });
  });
});
