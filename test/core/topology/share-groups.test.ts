/** Share groups as tables: where they begin in a partition, and what a declaration changes. */

import { describe, expect, it } from 'vitest';
import {
  beginsAtEnd,
  declareShareGroup,
  type ShareGroupDefinition,
} from '../../../core/topology/share-groups.ts';
import type { ShareGroupConfig } from '../../../protocol/schemas/share-groups.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const config = {
  start: 'latest',
  lock_ms: 30_000,
  delivery_limit: 5,
  dead_letter: null,
} as unknown as ShareGroupConfig;
const existing: ShareGroupDefinition = {
  namespace: 'default',
  name: 'g',
  id: 3,
  version: 4,
  config,
  seen: { t: { id: 1, partitions: 4 } },
};

/** `seen`: id and partitions of topic t when the group first saw it; `-` where nothing was kept at all. */
const STARTS = rowsOf<'start' | 'seen' | 'id' | 'partition' | 'end' | 'because'>(`
  start    | seen | id | partition | end | because
  earliest | 1 4  | 1  | 0         | no  | it begins at the start
  latest   | 1 4  | 1  | 3         | yes | the partition was there
  latest   | 1 4  | 1  | 4         | no  | it was added later
  latest   | 1 4  | 2  | 0         | no  | the topic was made again
  latest   |      | 1  | 0         | no  | the topic appeared later
  latest   | -    | 1  | 9         | yes | stored before it was kept: all begin at the end
`);

describe('a share group', () => {
  it.each(STARTS)(
    'of $start that saw "$seen" begins in $partition of topic $id at the end: $end, $because',
    (row) => {
      const [id, partitions] = row.seen.split(' ').map(Number);
      const { seen: _, ...rest } = existing;
      const seen: ShareGroupDefinition['seen'] =
        partitions === undefined ? {} : { t: { id: id!, partitions } };
      const group = {
        ...rest,
        ...(row.seen !== '-' && { seen }),
        config: { ...config, start: row.start as 'latest' },
      };
      expect(beginsAtEnd(group, { name: 't', id: Number(row.id) }, Number(row.partition))).toBe(
        row.end === 'yes',
      );
    },
  );

  it('finds no topic in what every object inherits', () => {
    expect(beginsAtEnd(existing, { name: 'constructor', id: 1 }, 0)).toBe(false);
  });
});

describe('declaring a share group', () => {
  const topics = { t: { id: 1, partitions: 9 }, u: { id: 2, partitions: 1 } };
  const declare = (known: ShareGroupDefinition | null, changes: Partial<ShareGroupConfig> = {}) =>
    declareShareGroup(known, 'default', 'g', { ...config, ...changes }, topics, 9);

  it('makes it, and notes the topics that there are', () => {
    expect(declare(null)).toEqual({ ...existing, id: 9, version: 9, seen: topics });
  });

  it('again as it is changes nothing', () => expect(declare(existing)).toBe(existing));

  it('again in another way keeps what it saw first', () => {
    expect(declare(existing, { start: 'earliest' })).toMatchObject({
      id: 3,
      version: 9,
      seen: { t: { id: 1, partitions: 4 }, u: topics.u },
    });
  });

  it('that was stored before this was kept does not begin to', () => {
    const { seen: _, ...before } = existing;
    expect(declare(before, { start: 'earliest' })).not.toHaveProperty('seen');
  });
});
