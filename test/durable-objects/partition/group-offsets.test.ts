/** Offsets of groups in SQLite: what polls that cross each other may commit. */

import { expect, it } from 'vitest';
import { GroupOffsets } from '../../../durable-objects/partition/group-offsets.ts';
import { NodeSql } from '../../support/node-sql.ts';

const CLAIM = { memberId: 'm', epoch: 1, isOwner: true };

it('lets nobody be given what another poll has been given and committed, whichever commits first', () => {
  const log = { logStartOffset: 0, highWatermark: 100 };
  const offsets = new GroupOffsets(
    new NodeSql(),
    () => log,
    () => 1_000,
  );
  expect(offsets.checkUnread('g', 0)).toBeNull();
  expect(offsets.commit('g', CLAIM, 10, '', null)).toEqual({ committed: 10 });
  expect(offsets.checkUnread('g', 0)).toMatchObject({ code: 'partition_not_owned' });
  expect(offsets.checkUnread('g', 9)).toMatchObject({ code: 'partition_not_owned' });
  expect(offsets.checkUnread('g', 10)).toBeNull();
});
