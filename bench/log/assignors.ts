/**
 * Benchmark of assignors: the time for 1,000 members and 1,000 partitions. The limit is 50 ms.
 *
 *   npm run bench:assignors -- [--json]
 *
 * "fresh": no member has partitions yet. "one more": a member has joined a balanced group. "mixed": each member
 * subscribes to two of ten topics, so balanced shares differ.
 */

import { assignors, type AssignorInput } from '../../core/group/assignors/index.ts';
import { ASSIGNORS } from '../../protocol/schemas/groups.ts';
import { readOptions } from '../../scripts/command/options.ts';

const MEMBERS = 1_000;
const PARTITIONS = 1_000;
const TOPICS = 10;
const ROUNDS = 15;

const options = readOptions(import.meta.filename, { json: { type: 'boolean', default: false } });

const topics = Array.from({ length: TOPICS }, (_, nth) => ({
  name: `topic-${nth}`,
  partitions: PARTITIONS / TOPICS,
}));
const names = topics.map(({ name }) => name);

function members(count: number, subscribe: (nth: number) => string[]): AssignorInput['members'] {
  return Array.from({ length: count }, (_, nth) => ({
    id: `member-${nth}`,
    orderKey: `member-${nth}`,
    topics: subscribe(nth),
    current: [],
  }));
}

const results = ASSIGNORS.flatMap((name) => {
  const assign = assignors[name];
  const fresh: AssignorInput = { topics, members: members(MEMBERS, () => names) };
  const before = assign({ topics, members: members(MEMBERS - 1, () => names) });
  const joined = {
    topics,
    members: fresh.members.map((member) => ({ ...member, current: before.get(member.id) ?? [] })),
  };
  const mixed = {
    topics,
    members: members(MEMBERS, (nth) => [names[nth % TOPICS]!, names[(nth * 7 + 3) % TOPICS]!]),
  };
  return Object.entries({ fresh, 'one more': joined, mixed }).map(([what, input]) => {
    const times = Array.from({ length: ROUNDS }, () => {
      const startMs = performance.now();
      assign(input);
      return performance.now() - startMs;
    }).toSorted((a, b) => a - b);
    return { assignor: name, what, slowest_ms: round(times.at(-1)!), median_ms: round(times[ROUNDS >> 1]!) };
  });
});

if (options.json) console.log(JSON.stringify({ members: MEMBERS, partitions: PARTITIONS, results }));
else console.table(results);

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
