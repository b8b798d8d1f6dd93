/**
 * Reads a topic as a member of a group, transforms, writes another, and is killed again and again, each time to be replaced
 * by the next instance: each input has exactly one output. Where to go on is the group's offset, committed in the same
 * transaction as the results.
 */

import { expect, it } from 'vitest';
import type { GroupRecords, MemberReply } from '../../../protocol/schemas/groups.ts';
import { Posthorn, type GroupOwner } from '../../../sdk/index.ts';
import { brokerForTests, numbers, readAll } from '../harness.ts';
import { mortalFetch } from '../client/mortal-fetch.ts';

const broker = brokerForTests();

/** A member of a group by hand: whoever joins under the same instance id takes the place of the one before. */
class Member {
  readonly #url: string;
  readonly #fetch: typeof fetch;
  readonly group: string;
  #last!: MemberReply;

  constructor(group: string, fetchOf: typeof fetch) {
    this.#url = `${broker.url}/v1/default/groups/${group}/members`;
    this.#fetch = fetchOf;
    this.group = group;
  }

  async join(topic: string): Promise<void> {
    this.#last = await this.#call('POST', '', { topics: [topic], instance_id: 'copier' });
  }

  async poll(maxRecords: number): Promise<GroupRecords> {
    const polled = await this.#call<GroupRecords>(
      'GET',
      `/${this.#last.member_id}/records?isolation=read_committed&max_records=${maxRecords}`,
    );
    this.#last = polled;
    return polled;
  }

  get identity(): GroupOwner {
    return { group: this.group, memberId: this.#last.member_id, epoch: this.#last.epoch };
  }

  async #call<Body = MemberReply>(method: string, path: string, fields?: object): Promise<Body> {
    const headers = { 'content-type': 'application/json' };
    const response = await this.#fetch(this.#url + path, { method, headers, body: JSON.stringify(fields) });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as Body;
  }
}

/** The application: a few lines. Resolves when all input is handled. */
async function copy(input: string, output: string, count: number, fetchOf: typeof fetch): Promise<void> {
  const posthorn = new Posthorn({ url: broker.url, fetch: fetchOf, retry: { baseMs: 1, attempts: 1 } });
  const producer = posthorn.transactionalProducer({ transactionalId: `copy-${input}`, deliveryTimeoutMs: 5 });
  const member = new Member(input, fetchOf);
  await producer.begin(); // ends what an earlier instance has left
  await member.join(input);
  for (;;) {
    const { records, offsets } = await member.poll(3);
    for (const { value } of records) {
      void producer.send(output, { value: (value as number) * 10, partition: (value as number) % 3 });
    }
    void producer.sendOffsets(member.identity, offsets);
    await producer.commit();
    const done = await committed(input);
    if (done === count) return;
    await producer.begin();
  }
}

async function committed(group: string): Promise<number> {
  const response = await fetch(`${broker.url}/v1/default/groups/${group}/offsets`);
  const { offsets } = (await response.json()) as { offsets: { offset: number | null }[] };
  return offsets.reduce((sum, { offset }) => sum + (offset ?? 0), 0);
}

it('copies each record exactly once, whoever of the group is killed', { timeout: 120_000 }, async () => {
  let kills = 0;
  for (const isLost of [true, false]) {
    const [input, output] = [await broker.topic(2), await broker.topic(3)];
    await using producer = broker.client().producer();
    await producer.sendBatch(
      input,
      numbers(24).map((value) => ({ value, partition: value % 2 })),
    );
    for (let lives = 1; ; lives++) {
      try {
        await copy(input, output, 24, mortalFetch(1 + (lives % 17), isLost));
        break;
      } catch {
        kills += 1; // and the next instance begins
      }
      if (lives > 500) throw new Error('it does not come to an end');
    }
    const records = await readAll(broker.client(), output, { isolation: 'read_committed' });
    const values = records.map((record) => record.json<number>()!).toSorted((a, b) => a - b);
    expect(values).toEqual(numbers(24).map((value) => value * 10));
  }
  expect(kills).toBeGreaterThan(20);
});
