/** The pages of docs/sdk, one for each class: their code runs as it stands, against a broker on another port. */

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Posthorn } from '../../sdk/index.ts';
import { TestBroker } from '../support/broker/test-broker.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'docs/sdk');

/** What the code of each page prints. */
const OUTPUT: Record<string, string> = {
  'admin.md': `{ leaseMs: 60000, maxLength: 1000 }
[
  {
    policy: 'short',
    pattern: 'tasks*',
    priority: 0,
    definition: { max_length: 1000 }
  }
] 1
`,
  'consumer.md': "Error: the disk is full\n{ image: 'a.png' } 2\n",
  'dead-letters.md': 'weight is no number\n{ weight: 12 }\n',
  'group-consumer.md': 'payments-log { amount: 12 }\n1\n',
  'messages.md': 'hello en\n',
  'posthorn.md': "{ page: '/pricing' }\n",
  'producer.md': '0 [ 1, 2 ]\n',
  'publisher.md': '{ ready: 1, parked: 1 }\n',
  'reader.md': '0 1 tea 4\n',
  'request-reply.md': '{ price: 3 }\n',
  'share-groups.md': "[ 'accepted', 'released' ]\n",
  'transactional-producer.md': "changed my mind\n{ account: 'b', amount: 5 }\n",
};

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

it.each(Object.entries(OUTPUT))('%s has code that prints %j', async (page, output) => {
  const text = readFileSync(join(FOLDER, page), 'utf8')
    .replaceAll('http://127.0.0.1:8787', broker.url)
    .replaceAll("from 'posthorn'", "from './sdk/index.ts'");
  const [, code = ''] = /^```ts\n([^]*?)^```/m.exec(text)!;
  const args = ['--input-type=module-typescript', '-e', code];
  expect((await promisify(execFile)(process.execPath, args, { cwd: ROOT })).stdout).toBe(output);
});

it('has a page for what a client makes, each short and tested, and names every member of it', () => {
  const pages = readdirSync(FOLDER);
  expect(pages.sort()).toEqual(Object.keys(OUTPUT));
  let all = '';
  for (const page of pages) {
    const text = readFileSync(join(FOLDER, page), 'utf8');
    expect(text.trim().split('\n').length, page).toBeLessThanOrEqual(60);
    all += text;
  }
  const client = new Posthorn({ url: broker.url });
  const members = [
    ...Object.keys(client),
    ...Object.getOwnPropertyNames(Posthorn.prototype).filter((name) => name !== 'constructor'),
  ];
  expect(members.length).toBeGreaterThan(20);
  expect(members.filter((member) => !new RegExp(`\\b${member}\\b`).test(all))).toEqual([]);
});
