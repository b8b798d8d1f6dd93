/** What others have stored, as the command prints it: exact for programs, harmless for terminals. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../support/broker/test-broker.ts';
import { linesOf, posthorn, type Ran, type RunOptions } from './harness.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
  await broker.call('PUT', '/v1/default/topics/log', { partitions: 1 });
  await broker.call('PUT', '/v1/default/queues/jobs', {});
});
afterAll(() => broker.stop());

const cli = (words: string, options: RunOptions = {}): Promise<Ran> =>
  posthorn(words.split(' '), { ...options, env: { POSTHORN_URL: broker.url, NO_COLOR: '1' } });

/** Controls that JSON lets stand as they are, the end of a line for some readers, and text from right to left. */
const STEERING = 'a\u009b31m\u007f\u2028\u202eb';
// oxlint-disable-next-line no-control-regex
const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

it('does not steer a terminal, and is the same JSON', async () => {
  await broker.produce('log', [{ key: STEERING, value: STEERING, headers: { [STEERING]: STEERING } }]);
  for (const words of ['tail log', 'tail log --json', 'tail log --raw']) {
    const { stdout } = await cli(words, { columns: 80 });
    expect(stdout).not.toMatch(STEERS);
    expect(stdout).toContain('\\u009b31m\\u007f\\u2028\\u202e');
  }
  const [shown] = linesOf(await cli('tail log --json', { columns: 80 }));
  const [exact] = linesOf(await cli('tail log --json'));
  expect(shown).toMatchObject({ key: STEERING, value: STEERING, headers: { [STEERING]: STEERING } });
  expect(shown).toEqual(exact);
  expect((await cli('tail log --raw')).stdout).toBe(`${STEERING}\n`);
});

it('has headers of every name', async () => {
  const headers = { ['__proto__']: 'p', constructor: 'c', valueOf: ['1', '2'] };
  const given = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `--header ${name}=${value}`),
  );
  expect((await cli(`publish jobs ${given.join(' ')}`, { stdin: 'x\n' })).code).toBe(0);
  const [message] = linesOf(await cli('consume jobs --max 1 --json'));
  expect(JSON.stringify((message as { headers: object }).headers)).toBe(JSON.stringify(headers));
});

it('a document may begin with a byte order mark', async () => {
  const document = '\ufeff{"posthorn":1,"queues":[{"queue":"jobs"}]}';
  expect(await cli('definitions diff -', { stdin: document })).toMatchObject({
    code: 0,
    stdout: 'Nothing differs.\n',
  });
});
