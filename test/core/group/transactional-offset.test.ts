import { describe, expect, it } from 'vitest';
import {
  abandon,
  addOffset,
  endOffset,
  overtaken,
  PENDING_MAX,
  readTransactionalOffsets,
  type OffsetValue,
  type TransactionalOffsets,
} from '../../../core/group/transactional-offset.ts';
import { isFailure } from '../../../protocol/errors.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const valueOf = (offset: number): OffsetValue => ({ offset, metadata: '', leaderEpoch: null });

/** What one partition does of one group. */
class Partition {
  known: TransactionalOffsets | null = null;
  committed: number | null = null;

  /** @returns 'added', or the code of the refusal */
  add(producerId: number, producerEpoch: number, offset: number): string {
    const transaction = { transactionalId: `job-${producerId}`, producerId, producerEpoch };
    const added = addOffset(this.known, transaction, valueOf(offset), 0);
    if (isFailure(added)) return added.code;
    this.known = added;
    return 'added';
  }

  /** @returns whether it was news. The epoch is that of the transaction */
  end(producerId: number, epoch: number, outcome: 'commit' | 'abort'): boolean {
    const end = { producerId, producerEpoch: epoch + 1, number: 0, outcome };
    const result = endOffset(this.known, end);
    if (result === null) return false;
    this.known = result.ended;
    this.committed = result.committed?.offset ?? this.committed;
    return true;
  }

  /** A commit outside of transactions. */
  plain(offset: number): string {
    this.known = overtaken(this.known);
    this.committed = offset;
    return 'taken';
  }
}

describe('an offset that comes after the marker of its transaction', () => {
  it('is refused', () => {
    const partition = new Partition();
    partition.end(1, 0, 'abort');
    expect(partition.add(1, 0, 5)).toBe('producer_fenced');
  });

  it('is refused when another producer has been there since', () => {
    const partition = new Partition();
    partition.end(1, 0, 'abort');
    expect(partition.add(2, 0, 5)).toBe('added');
    expect(partition.add(1, 0, 5)).toBe('producer_fenced');
    partition.end(2, 0, 'commit');
    expect(partition.add(1, 0, 5)).toBe('producer_fenced');
    expect(partition.known?.pending).toEqual([]);
    expect(partition.committed).toBe(5);
  });

  it('is refused when the marker came while another producer had one open', () => {
    const partition = new Partition();
    partition.add(2, 0, 5);
    expect(partition.end(1, 0, 'abort')).toBe(true);
    expect(partition.known?.pending).toMatchObject([{ producerId: 2, value: { offset: 5 } }]);
    partition.end(2, 0, 'commit');
    expect(partition.add(1, 0, 5)).toBe('producer_fenced');
    expect(partition.committed).toBe(5);
  });

  it('is taken of the next transaction of that producer', () => {
    const partition = new Partition();
    partition.end(1, 0, 'abort');
    partition.add(2, 0, 5);
    partition.end(2, 0, 'commit');
    expect(partition.add(1, 1, 6)).toBe('added');
    expect(partition.end(2, 0, 'commit')).toBe(false);
    expect(partition.end(1, 1, 'commit')).toBe(true);
    expect(partition.committed).toBe(6);
  });
});

describe('markers', () => {
  it('that come again change nothing, whoever was there since', () => {
    const partition = new Partition();
    for (const producerId of [1, 2, 3]) expect(partition.end(producerId, 0, 'commit')).toBe(true);
    for (const producerId of [1, 2, 3]) expect(partition.end(producerId, 0, 'commit')).toBe(false);
  });

  it('are remembered of a few producers only', () => {
    const partition = new Partition();
    for (let producerId = 0; producerId < 1_000; producerId++) partition.end(producerId, 0, 'commit');
    expect(partition.known?.ends).toHaveLength(16);
  });
});

/**
 * What happened before, and the last thing with its outcome. `add 1.0=5`: producer 1 of epoch 0 adds offset 5; `commit 1.0`
 * and `abort 1.0`: the marker of its transaction; `plain=7`: a commit without one.
 */
const ROWS = rowsOf<'before' | 'does' | 'outcome' | 'committed' | 'because'>(`
  before                           | does       | outcome         | committed | because
                                   | add 1.0=5  | added           |           | the first offset
  add 1.0=5                        | add 1.0=6  | added           |           | the same transaction moves it
  add 1.0=5                        | add 2.0=6  | added           |           | beside that of another
  add 1.0=5, add 2.0=6, commit 1.0 | commit 2.0 | news            | 6         | each takes effect with its own marker
  add 1.0=5, add 2.0=6, commit 2.0 | commit 1.0 | news            | 6         | the latest request wins, not the latest marker
  add 1.0=5, add 2.0=6, abort 2.0  | commit 1.0 | news            | 5         | unless it is aborted
  add 1.0=5, add 2.0=6, abort 1.0  | commit 2.0 | news            | 6         | as the other may be
  add 1.0=5, add 2.0=6, add 1.0=4, commit 1.0 | commit 2.0 | news | 4         | a transaction may be the latest again
  add 1.0=5, add 2.0=6, commit 2.0, add 1.0=7 | commit 1.0 | news | 7         | also after another has taken effect
  add 1.0=5, add 2.0=6, add 3.0=7, commit 2.0 | commit 3.0 | news | 7         | what came later stays
  add 1.0=5, plain=7               | commit 1.0 | news            | 7         | plain commits count as requests too
  plain=7, add 1.0=5               | commit 1.0 | news            | 5         | in their order
  add 1.0=5                        | add 1.1=6  | offsets_pending |           | the next of that producer waits for the marker
  add 1.0=5                        | commit 1.0 | news            | 5         | it takes effect
  add 1.0=5                        | abort 1.0  | news            |           | or it does not
  add 1.0=5, add 1.0=6             | commit 1.0 | news            | 6         | the last one counts
  add 1.0=5, commit 1.0            | commit 1.0 | known           | 5         | a marker that comes twice
  add 1.0=5, commit 1.0            | add 1.0=6  | producer_fenced | 5         | what comes after it is refused
  add 1.0=5, commit 1.0            | add 1.1=6  | added           | 5         | the next transaction of that producer
  add 1.0=5, commit 1.0            | add 2.0=6  | added           | 5         | or of another
  add 1.0=5                        | commit 2.0 | news            |           | a marker of another leaves it
  add 1.0=5, commit 2.0            | commit 1.0 | news            | 5         | for its own
  add 1.1=5                        | commit 1.0 | known           |           | one that comes late is of an epoch that is over
`);

describe('an offset within a transaction', () => {
  it.each(ROWS)('"$before", then $does: $outcome, $because', ({ before, does, outcome, committed }) => {
    const partition = new Partition();
    const run = (text: string): string => {
      if (text.startsWith('plain=')) return partition.plain(Number(text.slice('plain='.length)));
      const [, verb, id, epoch, offset] = /^(\w+) (\d+)\.(\d+)(?:=(\d+))?$/.exec(text)!;
      if (verb === 'add') return partition.add(Number(id), Number(epoch), Number(offset));
      return partition.end(Number(id), Number(epoch), verb as 'commit' | 'abort') ? 'news' : 'known';
    };
    for (const text of before.split(', ')) if (text !== '') run(text);
    expect([run(does), String(partition.committed ?? '')]).toEqual([outcome, committed]);
  });
});

/** `verb id.epoch.number=offset`: of a producer that keeps its epoch. */
describe('an offset within a transaction whose producer keeps its epoch', () => {
  it.each<[steps: string, committed: number | null, because: string]>([
    ['add 1.0.1=5, end 1.0.1', 5, 'its marker'],
    ['add 1.0.1=5, end 1.0.1, end 1.0.1', 5, 'which may come twice'],
    ['add 1.0.1=5, end 1.0.1, add 1.0.2=6, end 1.0.1', 5, 'or late'],
    ['add 1.0.1=5, end 1.0.1, add 1.0.2=6, end 1.0.2', 6, 'the next has one of its own'],
    ['end 1.0.1, add 1.0.1=5, end 1.0.2', null, 'what comes late is refused'],
    ['end 1.0.2, add 1.0.1=5, end 1.0.3', null, 'after a later one too'],
    ['add 1.0.1=5, end 1.0.1, add 2.3.1=6, end 2.3.1, add 1.0.1=7, end 1.0.2', 6, 'and behind another'],
    ['add 2.0.1=5, end 1.0.1, end 2.0.1, add 1.0.1=6, end 1.0.2', 5, 'and when it was seen meanwhile'],
    ['add 1.0.1=5, end 1.1.0', 5, 'the marker of a timeout has the next epoch'],
    ['add 1.0.3=5, end 1.1.0, add 1.0.4=6, end 1.0.4', 5, 'which fences the epoch'],
    ['add 1.0.1=5, end 1.0.1, end 1.1.0, add 1.1.1=6, end 1.1.1', 6, 'and the new epoch goes on'],
  ])('%s: %s, %s', (steps, committed) => {
    let known: TransactionalOffsets | null = null;
    let offset: number | null = null;
    for (const step of steps.split(', ')) {
      const [, verb, ...numbers] = /^(\w+) (\d+)\.(\d+)\.(\d+)(?:=(\d+))?$/.exec(step)!;
      const [producerId, producerEpoch, number, added] = numbers.map(Number) as [
        number,
        number,
        number,
        number,
      ];
      const transactionalId = `job-${producerId}`;
      if (verb === 'add') {
        const transaction = { transactionalId, producerId, producerEpoch, number };
        const result = addOffset(known, transaction, valueOf(added), 0);
        if (!isFailure(result)) known = result;
      } else {
        const end = { producerId, producerEpoch, number, outcome: 'commit' as const };
        const result = endOffset(known, end);
        known = result?.ended ?? known;
        offset = result?.committed?.offset ?? offset;
      }
    }
    expect(offset).toBe(committed);
  });
});

describe('offsets of many open transactions', () => {
  it('wait for one of them when there are too many', () => {
    const partition = new Partition();
    for (let producerId = 0; producerId < PENDING_MAX; producerId++)
      expect(partition.add(producerId, 0, producerId)).toBe('added');
    expect(partition.add(100, 0, 5)).toBe('offsets_pending');
    expect(partition.add(3, 0, 5)).toBe('added');
    partition.end(0, 0, 'abort');
    expect(partition.add(100, 0, 5)).toBe('added');
  });

  it('are refused after they were given up', () => {
    const partition = new Partition();
    partition.add(1, 0, 5);
    partition.add(2, 3, 6);
    partition.known = abandon(partition.known!);
    expect([partition.add(1, 0, 7), partition.add(2, 3, 7)]).toEqual(['producer_fenced', 'producer_fenced']);
    expect(partition.end(2, 3, 'commit')).toBe(true);
    expect([partition.committed, partition.add(2, 4, 8)]).toEqual([null, 'added']);
  });
});

describe('rows that kept one transaction', () => {
  const stored = { transactionalId: 'job', producerId: 1, producerEpoch: 4, sinceMs: 9 };

  it.each<[string, object, TransactionalOffsets]>([
    [
      'pending',
      {
        ...stored,
        number: 1,
        pending: { offset: 5, metadata: 'm' },
        others: [{ producerId: 2, producerEpoch: 3 }],
      },
      {
        pending: [{ ...stored, number: 1, value: { offset: 5, metadata: 'm', leaderEpoch: null } }],
        ends: [{ producerId: 2, producerEpoch: 3, number: 0 }],
      },
    ],
    [
      'ended',
      { ...stored, number: 0, pending: null, others: [{ producerId: 2, producerEpoch: 3, number: 7 }] },
      {
        pending: [],
        ends: [
          { producerId: 2, producerEpoch: 3, number: 7 },
          { producerId: 1, producerEpoch: 4, number: 0 },
        ],
      },
    ],
  ])('are read: %s', (_, row, expected) => {
    const read = readTransactionalOffsets(JSON.stringify(row));
    expect(read).toEqual(expected);
    expect(readTransactionalOffsets(JSON.stringify(read))).toEqual(read);
  });
});
