/** Offsets of groups in SQLite: what polls that cross each other may commit. */

import { expect, it } from 'vitest';
import { GroupOffsets } from '../../../../durable-objects/partition/groups/group-offsets.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';

const CLAIM = { memberId: 'm', epoch: 1, isOwner: true };

it('lets nobody be given what another poll has been given and committed, whichever commits first', () => {
  const log = { logStartOffset: 0, highWatermark: 100 };
  const offsets = new GroupOffsets(
    new NodeSql(),
    () => log,
    () => 1_000,
  );
  const read = (onlyFrom: number, offset: number): unknown =>
    offsets.commit({ ...CLAIM, group: 'g', offset, metadata: '', transaction: null, onlyFrom });
  expect(read(0, 10)).toEqual({ committed: 10 });
  expect(read(0, 10)).toMatchObject({ code: 'stale_epoch' });
  expect(read(0, 20)).toMatchObject({ code: 'stale_epoch' });
  expect(read(9, 12)).toMatchObject({ code: 'stale_epoch' });
  expect(read(10, 12)).toEqual({ committed: 12 });
});
