/** The commands and code of the README and of the first steps, run as they stand against a broker on another port. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../support/broker/test-broker.ts';
import { LockedBroker, ROOT as ROOT_TOKEN } from '../workers/access/support.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const ADDRESS = 'http://127.0.0.1:8787';
const DEPLOYED = 'https://posthorn.example.com';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

/** The code blocks of a page in one language. */
async function blocksOf(page: string, language: string): Promise<string[]> {
  const text = (await readFile(join(ROOT, page), 'utf8')).replaceAll(ADDRESS, broker.url);
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'));
  return [...blocks].map(([, code = '']) => code);
}

async function curlLinesOf(page: string): Promise<string[]> {
  return (await blocksOf(page, 'sh')).flatMap((block) =>
    block.split('\n').filter((line) => line.startsWith('curl') && line.includes(broker.url)),
  );
}

/** The calls of a page to a deployed broker. A line that ends with a backslash goes on in the next. */
async function deployedCallsOf(page: string): Promise<string[]> {
  return (await blocksOf(page, 'sh')).flatMap((block) =>
    block
      .replaceAll('\\\n', '')
      .split('\n')
      .filter((line) => line.startsWith('curl') && line.includes(DEPLOYED)),
  );
}

async function runTypeScript(page: string): Promise<string> {
  const [code] = await blocksOf(page, 'ts');
  const { stdout } = await run(process.execPath, ['--input-type=module-typescript', '-e', code!], {
    cwd: ROOT,
  });
  return stdout;
}

describe('the README', () => {
  it('has at most 90 lines', async () => {
    expect(
      (await readFile(join(ROOT, 'README.md'), 'utf8')).trimEnd().split('\n').length,
    ).toBeLessThanOrEqual(90);
  });

  it('begins with a broker from a clone, and from the package', async () => {
    // test/package runs the command `dev` of the packed package.
    const [begin] = await blocksOf('README.md', 'sh');
    expect(begin!.match(/^[^#\n]+/gm)!.map((line) => line.trim())).toEqual(['npm start', 'npx posthorn dev']);
  });

  it('has curl lines that print what it says', async () => {
    const lines = await curlLinesOf('README.md');
    const says = (await blocksOf('README.md', 'json')).flatMap((block) => block.trim().split('\n'));
    expect(lines).toHaveLength(3);
    expect(says).toHaveLength(3);
    for (const [index, line] of lines.entries()) {
      const { stdout } = await run('sh', ['-c', line.replace('curl', 'curl -sS')]);
      expect(JSON.parse(stdout), line).toMatchObject(JSON.parse(says[index]!) as object);
    }
    await broker.call('DELETE', '/v1/default/topics/orders');
  });

  it('has code that runs', async () => {
    expect(await runTypeScript('README.md')).toBe('sending to ada@example.com\n');
    await broker.call('DELETE', '/v1/default/queues/mails');
  });
});

describe('the first steps', () => {
  it('have curl lines that work in their order', async () => {
    const lines = await curlLinesOf('docs/getting-started.md');
    expect(lines).toHaveLength(16);
    const replies: unknown[] = [];
    let deliveryTag = '';
    let member = { member_id: '', epoch: 0 };
    for (const line of lines) {
      const command = line
        .replace('curl', 'curl -sS')
        .replace('<delivery_tag>', deliveryTag)
        .replace('<member_id>', member.member_id)
        .replace('<epoch>', String(member.epoch));
      const reply = JSON.parse((await run('sh', ['-c', command])).stdout) as {
        deliveries?: { delivery_tag: string }[];
        member_id?: string;
        epoch?: number;
      };
      if (reply.member_id && reply.epoch) member = { member_id: reply.member_id, epoch: reply.epoch };
      deliveryTag = reply.deliveries?.[0]?.delivery_tag ?? '';
      replies.push(reply);
    }
    expect(replies).toMatchObject([
      { topic: 'orders', partitions: 3 },
      { offsets: [{ offset: 0 }] },
      { records: [{ key: 'customer-7', value: { total: 12 } }] },
      { queue: 'mails' },
      { exchange: 'events', type: 'topic' },
      {},
      {},
      { deliveries: [{ body: { id: 7 }, delivery_count: 1 }] },
      { results: [{ outcome: 'settled' }] },
      { assignment: [{ topic: 'orders', partition: 0 }, { partition: 1 }, { partition: 2 }] },
      {
        records: [{ key: 'customer-7', partition: 1 }],
        offsets: [{ topic: 'orders', partition: 1, offset: 1 }],
      },
      { offsets: [{ topic: 'orders', partition: 1, offset: 1 }] },
      { offsets: [{ lag: 0 }, { partition: 1, offset: 1, lag: 0 }, { lag: 0 }] },
      { member_id: member.member_id },
      { queue: 'mails', dead_letters: [] },
      { state: 'running', rate_per_s: 100 },
    ]);
  });

  it('have code that runs', async () => {
    const stdout = await runTypeScript('docs/getting-started.md');
    expect(stdout).toContain("0 user-1 { page: '/pricing' }");
    expect(stdout).toContain('counted /pricing');
    expect(stdout).toContain("sending to { to: 'ada@example.com' }");
    expect(stdout).toContain("{ sentTo: 'bob@example.com' }");
  });
});

describe('the calls to a deployed broker', () => {
  let locked: LockedBroker;
  beforeAll(async () => {
    locked = await LockedBroker.start();
  });
  afterAll(() => locked.broker.stop());

  it.each([
    ['README.md', [{ namespace: 'default' }, { topic: 'orders', partitions: 3 }]],
    [
      'docs/security.md',
      [{ namespace: 'shop' }, { namespace: 'shop', roles: ['producer'] }, { state: 'deleting' }, {}],
    ],
  ])('of %s work with the tokens that they name', async (page, expected) => {
    const replies: { token?: string }[] = [];
    for (const call of await deployedCallsOf(page)) {
      const command = call.replace('curl', 'curl -sS').replaceAll(DEPLOYED, locked.broker.url);
      const TOKEN = replies.at(-1)?.token ?? '';
      const { stdout } = await run('sh', ['-c', command], {
        env: { ...process.env, ROOT: ROOT_TOKEN, TOKEN },
      });
      replies.push(JSON.parse(stdout) as { token?: string });
    }
    expect(replies).toMatchObject(expected);
  });
});
