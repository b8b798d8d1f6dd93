/** The commands of the runbooks, run as they stand, in their order, against a broker in the trouble that the page is about. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MemberReply } from '../../protocol/schemas/groups.ts';
import { QueueClient } from '../support/clients/queue-client.ts';
import { TestBroker } from '../support/broker/test-broker.ts';

const run = promisify(execFile);
const ADDRESS = 'http://127.0.0.1:8787';

let broker: TestBroker;
let queues: QueueClient;
beforeEach(async () => {
  broker = await TestBroker.start();
  queues = new QueueClient(broker);
});
afterEach(() => broker.stop());

interface Step {
  command: string;
  /** What the page says that it answers. */
  says: string | null;
}

async function stepsOf(page: string): Promise<Step[]> {
  const text = await readFile(join(import.meta.dirname, '../../docs/runbooks', page), 'utf8');
  const steps: Step[] = [];
  for (const [, language, code] of text.matchAll(/^```(sh|json)\n([^]*?)^```/gm)) {
    const lines = code!.trim().split('\n');
    if (language === 'sh') steps.push(...lines.map((command) => ({ command, says: null })));
    else steps.at(-1)!.says = lines.join('');
  }
  return steps;
}

/** Runs the page, checks each answer that it shows, and gives all of them. `"..."` stands for anything. */
async function follow(
  page: string,
  before: (command: string) => Promise<void> = async () => {},
): Promise<unknown[]> {
  const answers: unknown[] = [];
  let id = '';
  for (const { command, says } of await stepsOf(page)) {
    await before(command);
    const line = command.replace('curl', 'curl -sS').replace(ADDRESS, broker.url).replace('<id>', id);
    const { stdout } = await run('sh', ['-c', line]);
    const answer: unknown = stdout === '' ? null : JSON.parse(stdout.split('\n')[0]!);
    answers.push(answer);
    id ||= (answer as { dead_letters?: { id: string }[] } | null)?.dead_letters?.[0]?.id ?? '';
    if (says !== null) {
      const expected: unknown = JSON.parse(says, (_, value: unknown) =>
        value === '...' ? (expect.anything() as unknown) : value,
      );
      expect(answer, command).toMatchObject(expected as object);
    }
  }
  return answers;
}

describe('the runbook', () => {
  it('of dead letters finds the cause, mends one message and replays the others', async () => {
    await queues.declare('mails', { retry: { schedule_ms: [0] } });
    await queues.publish('mails', [{ body: { to: '' } }, { body: 1 }, { body: 2 }, { body: 3 }]);
    for (const outcome of ['requeued', 'dead_lettered']) {
      const nack = (await queues.take('mails')).map(({ delivery_tag: tag, body }) => ({
        tag,
        error:
          typeof body === 'number'
            ? { type: 'SyntaxError', message: 'no JSON' }
            : { type: 'RangeError', message: 'no address' },
      }));
      expect(await queues.settle('mails', { nack })).toEqual(nack.map(() => outcome));
    }
    await queues.deadLettersOnce('mails', 4);
    const answers = await follow('dead-letter-queue-growing.md');
    expect(answers).toHaveLength(14);
    for (const answer of answers) expect(answer).not.toHaveProperty('code');
    await queues.until(
      () => queues.state('mails'),
      ({ ready }) => ready === 4,
    );
    expect((await queues.take('mails')).map(({ body }) => body)).toContainEqual({ to: 'ada@example.com' });
    expect((await queues.deadLetters('mails')).dead_letters).toEqual([]);
  });

  it('of lag finds the partition that stands still, steps over its record and reads again', async () => {
    await broker.declare('orders', { partitions: 2 });
    await queues.declare('mails');
    await queues.publish('mails', [{ body: 1 }]);
    for (let value = 0; value < 3; value++) await broker.produce('orders', [{ partition: 1, value }]);
    const group = '/v1/default/groups/billing';
    const { body: member } = await broker.call<MemberReply>('POST', `${group}/members`, {
      topics: ['orders'],
    });
    const { member_id, epoch } = member;
    const offsets = [0, 1].map((partition) => ({ topic: 'orders', partition, offset: 0 }));
    await broker.call('POST', `${group}/offsets`, { member_id, epoch, offsets });
    const answers = await follow('consumer-lag-growing.md', async (command) => {
      // "the members stopped"
      if (command.includes('-X PUT') && command.includes('/groups/'))
        await broker.call('DELETE', `${group}/members/${member_id}`);
    });
    expect(answers).toHaveLength(10);
    for (const answer of answers) expect(answer).not.toHaveProperty('code');
  });

  it('of a full queue raises its limit, empties it and sends back what was dropped', async () => {
    await queues.declare('jobs', { max_length: 10, overflow: 'reject-publish' });
    await queues.declare('feed', { max_length: 2 });
    await queues.publish(
      'feed',
      [1, 2, 3, 4].map((body) => ({ body })),
    );
    await queues.deadLettersOnce('feed', 2);
    await queues.take('feed', { auto_ack: true });
    await queues.publish(
      'jobs',
      Array.from({ length: 10 }, (_, body) => ({ body })),
    );
    expect(await follow('queue-full.md')).toHaveLength(8);
    await queues.until(
      () => queues.state('feed'),
      ({ ready }) => ready === 2,
    );
  });
});
