/** The counts of a queue machine, as a table: messages and bytes, of 10 bytes each. */

import { describe, expect, it } from 'vitest';
import {
  heldBytes,
  holdKey,
  inFlightAt,
  lanesFromHighest,
  readyBytes,
  readyCount,
  releaseKey,
  segmentAtCursor,
} from '../../../../core/queue/state/queue-machine.ts';
import { drawQueue } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const COUNTS = rowsOf<'meets' | 'ready' | 'bytes' | 'held' | 'because'>(`
  meets            | ready | bytes | held | because
                   | 0     | 0     | 0    | nothing
  . .              | 2     | 20    | 20   | the backlog
  A .              | 1     | 10    | 20   | what is leased is held
  A r - .          | 2     | 20    | 30   | what was given back is ready
  A A              | 0     | 0     | 20   | all of it can be leased
  - -              | 0     | 0     | 0    | or done with
  - / r / . .      | 3     | 30    | 30   | segment by segment
  1> A r ; 0> .    | 2     | 20    | 30   | in all lanes
`);

describe('a queue machine', () => {
  it.each(COUNTS)('of $meets has $ready ready ($bytes bytes) and holds $held bytes: $because', (row) => {
    const { machine } = drawQueue(row.meets);
    const found = { ready: readyCount(machine), bytes: readyBytes(machine), held: heldBytes(machine) };
    expect(found).toEqual({ ready: Number(row.ready), bytes: Number(row.bytes), held: Number(row.held) });
  });

  it('has lanes from the highest', () => {
    const { machine } = drawQueue('2> . ; 10> . ; 0> .');
    expect(lanesFromHighest(machine).map(({ lane }) => lane)).toEqual([20, 4, 0]);
  });

  it('finds the state of the segment that holds an offset', () => {
    const lane = drawQueue('A A / - / A .').machine.lanes[0]!;
    const found = [0, 1, 2, 3, 4, 5].map((offset) => inFlightAt(lane, offset)?.extent.baseOffset ?? null);
    expect(found).toEqual([0, 0, null, 3, 3, null]);
  });

  it('cannot go on where a segment is missing', () => {
    const lane = drawQueue('. .').machine.lanes[0]!;
    expect(() => segmentAtCursor(lane, () => null)).toThrow('no segment at offset 0');
  });

  it('has a key in use for as long as somebody holds it', () => {
    const { machine } = drawQueue('');
    for (const key of ['k', 'k', null]) holdKey(machine, key);
    releaseKey(machine, 'k');
    releaseKey(machine, null);
    expect([...machine.busyKeys]).toEqual([['k', 1]]);
    releaseKey(machine, 'k');
    expect(machine.busyKeys.size).toBe(0);
  });
});
