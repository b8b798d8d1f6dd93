/** What a group costs while nothing happens, in a broker that does nothing else. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GroupClient } from '../support/group-client.ts';
import { TestBroker } from '../support/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const groupOf = (name: string): GroupClient => new GroupClient(() => broker, name);

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
    await delay(500);
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
