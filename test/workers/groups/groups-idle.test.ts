/** What a group costs, in a broker that does nothing else. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GroupClient } from '../../support/clients/group-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward, and its folder is watched' });
});
afterAll(() => broker.stop());

const groupOf = (name: string): GroupClient => new GroupClient(() => broker, name);

// Before any other group is there: one that leaves memory closes its file, at a time of its own.
describe('what a group costs while nothing happens', () => {
  it('is no row, and not a byte on disk, however many heartbeats and polls there are', async () => {
    const group = groupOf('idle');
    await broker.declare('idle', { partitions: 4 });
    await broker.produce('idle', [{ partition: 0, value: 1 }]);
    const members = [];
    for (let nth = 0; nth < 3; nth++)
      members.push(await group.joined({ topics: ['idle'], session_timeout_ms: 1_800_000 }));
    for (let round = 0; round < 3; round++) for (const member of members) await group.poll(member);
    await group.commit((await group.beat(members[0]!)).body, (await group.poll(members[0]!)).body.offsets);
    await untilWritten();
    const before = (await group.describe()).body.meter;
    const rows = async (): Promise<number[]> =>
      Promise.all(
        [0, 1, 2, 3].map(async (partition) => (await broker.state('idle', partition)).meter.rows_written),
      );
    const partitionRows = await rows();
    const files = await fileTimes();
    for (let round = 0; round < 50; round++) {
      await broker.advance(5_000);
      for (const member of members) {
        await group.beat({ ...member, epoch: (await group.describe()).body.epoch });
        await group.poll(member);
      }
    }
    const after = (await group.describe()).body.meter;
    expect(after.calls).toBeGreaterThan(before.calls + 300);
    expect(after.rows_written, 'of the group').toBe(before.rows_written);
    expect(await rows(), 'of the partitions').toEqual(partitionRows);
    expect(await fileTimes(), 'files that were written').toEqual(files);
  });
});

describe('what a group costs when something happens', () => {
  it('is what docs/groups.md says', async () => {
    const group = groupOf('busy');
    await broker.declare('busy', { partitions: 2 });
    const rows = async (): Promise<number> => (await group.describe()).body.meter.rows_written;
    const partitions = async (): Promise<number[]> => [
      (await broker.state('busy', 0)).meter.rows_written,
      (await broker.state('busy', 1)).meter.rows_written,
    ];
    const a = await group.joined({ topics: ['busy'] });
    expect(await rows(), 'the member, its target, the alarm').toBe(3);
    await group.poll(a); // the first of the group in its partitions
    const b = await group.joined({ topics: ['busy'] });
    expect(await rows(), 'the same without the alarm').toBe(5);
    await group.poll(a); // hears of it
    const before = await partitions();
    await group.poll(a);
    expect(await rows(), 'one partition is let go').toBe(6);
    const given = (await group.beat(b)).body;
    expect(await rows(), 'and given').toBe(7);
    await group.poll(b);
    const { partition } = given.assignment[0]!;
    expect((await partitions())[partition], 'its fence').toBe(before[partition]! + 1);
    await group.leave(b);
    expect(await rows(), 'gone, and fenced').toBe(9);
    expect((await partitions())[partition]).toBe(before[partition]! + 2);
    await group.beat({ ...a, epoch: (await group.describe()).body.epoch });
    expect(await rows(), 'the target without it').toBe(10);
  });
});

/** Waits until nothing is written any more: what the runtime writes late belongs to what was before. */
async function untilWritten(): Promise<void> {
  for (let before: unknown; ; await delay(500)) {
    const now = await fileTimes();
    if (isDeepStrictEqual(now, before)) return;
    before = now;
  }
}

/** When each file below the folders of groups and partitions was written last, by name. */
async function fileTimes(): Promise<Record<string, number>> {
  const folder = broker.dataPath;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && /Group/.test(entry.parentPath));
  expect(files.length).toBeGreaterThan(0);
  return Object.fromEntries(
    await Promise.all(
      files.map(async (file) => [file.name, (await stat(join(file.parentPath, file.name))).mtimeMs] as const),
    ),
  );
}
