/** Rows of assignors: `t4` is topic t of four partitions, `m:tu` member m that subscribes to t and u, `m:t0` has t0 already. */

import { expect } from 'vitest';
import type { Assignor } from '../../../core/group/assignors/index.ts';
import type { TableRow } from './text-table.ts';

/** Behind `=` a member names what it had: `m:tu=t0,u1`. */
export type AssignorRow = TableRow<'topics' | 'members' | 'assignment' | 'because'>;

export function expectAssignment(assign: Assignor, { topics, members, assignment }: AssignorRow): void {
  const result = assign({
    topics: topics.split(' ').map((text) => ({ name: text[0]!, partitions: Number(text.slice(1)) })),
    members: members.split(' ').map((text) => {
      const [, id, subscribed, had = ''] = /^(\w+):(\w+)(?:=(\S+))?$/.exec(text)!;
      const current = had.split(',').flatMap((word) => (word === '' ? [] : [`${word[0]}/${word.slice(1)}`]));
      return { id: id!, orderKey: id!, topics: subscribed!.split(''), current };
    }),
  });
  const words = [...result].map(([id, keys]) => `${id}:${keys.map((key) => key.replace('/', '')).join(' ')}`);
  expect(words.join(' ')).toBe(assignment);
}
