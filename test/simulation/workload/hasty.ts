/** Members that have what they are given committed as it leaves: nobody is given it twice, whatever becomes of it. */

import type { History, Outcome } from '../history.ts';
import type { Client } from './client.ts';
import { join, leave, type Member } from './groups.ts';
import { between, type Operation } from './operation.ts';

const GROUP = 'hasty';

const members = new WeakMap<Client, Member[]>();

export const hasty: Operation = {
  name: 'hasty',
  weight: 3,
  run: async (client, _, random) => {
    const known = members.get(client) ?? [];
    members.set(client, known);
    if (known.length === 0 || (known.length < 2 && random() < 0.1)) {
      const joined = await join(client, between(random, 5_000, 30_000), GROUP);
      if (joined) known.unshift(joined);
      return;
    }
    const member = known[random() < 0.8 ? 0 : known.length - 1]!;
    if (random() < 0.1) {
      await leave(client, member);
      return void known.splice(known.indexOf(member), 1);
    }
    for (let turn = between(random, 2, 5); turn > 0; turn--) {
      const polled = await pollHastily(client, member, between(random, 1, 8), false);
      if (polled === 'refused') known.splice(known.indexOf(member), 1);
      if (polled === 'refused') return;
      await client.sleep(random() * 300);
    }
  },
};

/** At rest: a new member is given all that is left. Not where nobody has joined the group before. */
export async function readHastily(client: Client): Promise<void> {
  if (!client.history.of('hasty-poll').some(({ records }) => records.length > 0)) return;
  const member = await join(client, 60_000, GROUP);
  if (member === null) throw new Error('nobody can join the hasty group at rest');
  for (let quiet = 0; quiet < 3;) {
    const before = givenTo(client.history);
    if ((await pollHastily(client, member, 1_000, true)) !== 'ok')
      throw new Error('the hasty group cannot be read at rest');
    quiet = givenTo(client.history) === before ? quiet + 1 : 0;
    if (quiet > 0) await client.sleep(25_000);
  }
}

/** How many different ones: a broker that gives one again and again is through with them too. */
const givenTo = (history: History): number =>
  new Set(history.of('hasty-poll').flatMap(({ records }) => records.map(({ id }) => id))).size;

async function pollHastily(client: Client, member: Member, max: number, isFinal: boolean): Promise<Outcome> {
  const query = `max_records=${max}&auto_commit=true`;
  const path = `/groups/${GROUP}/members/${member.id}/records?${query}`;
  const { outcome, body, copies, begin, end } = await client.request('GET', path);
  if (outcome === 'unknown' || copies > 1)
    client.add({ kind: 'take-unknown', client: client.name, place: GROUP, begin, end });
  if (outcome !== 'ok') return outcome;
  interface Wire {
    topic: string;
    partition: number;
    offset: number;
    value: string;
  }
  const records = (body['records'] as Wire[]).map(({ topic, partition, offset, value }) => ({
    log: `${topic}/${partition}`,
    offset,
    id: value,
  }));
  client.add({ kind: 'hasty-poll', client: client.name, member: member.id, isFinal, records, begin, end });
  return outcome;
}
