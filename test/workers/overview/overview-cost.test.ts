/** What the overview costs: calls and rows while queues are busy, and none at rest. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Overview } from '../../../protocol/schemas/overview.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const QUEUES = 40;

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const forAll = (call: (queue: string) => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: QUEUES }, (_, number) => call(`q${number}`)));

const publish = (queue: string): Promise<unknown> =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, { messages: [{ body: 1 }] });

/** Begins a round of questions. Returns what happened since the last one began, with this round. */
let last = { reports: 0, questions: 0, rows: 0 };
async function round() {
  const cost = await broker.askObjects();
  const { reports, questions, rows } = last;
  last = cost;
  return { reports: cost.reports - reports, questions: cost.questions - questions, rows: cost.rows - rows };
}

it('costs a request for a busy queue in ten seconds, a row for many, and nothing for one at rest', async () => {
  await forAll((queue) => broker.call('PUT', `/v1/default/queues/${queue}`, {}));
  await forAll(publish);
  await round();
  for (let seconds = 0; seconds < 30; seconds += 10) {
    for (let times = 0; times < 3; times++) await forAll(publish);
    const { reports, questions, rows } = await round();
    expect({ reports, questions }).toEqual({ reports: 0, questions: QUEUES });
    expect(rows).toBeLessThanOrEqual(QUEUES / 10); // two pages, and the alarm
  }
  const { body } = await broker.call<Overview>('GET', '/v1/default/overview');
  expect(body.totals).toMatchObject({ queues: QUEUES, ready: 10 * QUEUES });
  expect(await round()).toMatchObject({ reports: 0, questions: QUEUES });
  for (let seconds = 0; seconds < 30; seconds += 10)
    expect(await round()).toEqual({ reports: 0, questions: 0, rows: 0 });
});

it('costs a request and a row when a queue at rest changes', async () => {
  await publish('q1');
  expect(await round()).toEqual({ reports: 1, questions: 1, rows: 2 }); // the report, and the alarm
});
