/** Members that have what they are given committed as it leaves: nobody is given it twice, whatever becomes of it. */

import type { Outcome } from '../history.ts';
import type { Client } from './client.ts';
import { join, type Member } from './groups.ts';
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
    for (let turn = between(random, 2, 5); turn > 0; turn--) {
      const polled = await pollHastily(client, member, between(random, 1, 8));
      if (polled === 'refused') known.splice(known.indexOf(member), 1);
      if (polled === 'refused') return;
      await client.sleep(random() * 300);
    }
  },
};

async function pollHastily(client: Client, member: Member, max: number): Promise<Outcome> {
  const query = `max_records=${max}&auto_commit=true`;
  const path = `/groups/${GROUP}/members/${member.id}/records?${query}`;
  const { outcome, body, begin, end } = await client.request('GET', path);
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
  client.add({ kind: 'hasty-poll', client: client.name, member: member.id, records, begin, end });
  return outcome;
}
