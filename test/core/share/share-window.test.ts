/** The window of a share group, held against a map of single records, over random histories. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acknowledge } from '../../../core/share/acknowledge.ts';
import { ShareWindow, type Archived } from '../../../core/share/share-window.ts';
import { SHARE_IN_FLIGHT_MAX } from '../../../protocol/limits.ts';

const LIMIT = 3;

type Step =
  | { do: 'append'; count: number; gap: number }
  | { do: 'acquire'; member: string; max: number; lockMs: number }
  | { do: 'accept' | 'release' | 'reject' | 'extend'; pick: number }
  | { do: 'wait'; ms: number }
  | { do: 'remove'; count: number }
  | { do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('append' as const),
    count: fc.integer({ min: 1, max: 9 }),
    gap: fc.integer({ min: 0, max: 3 }),
  }),
  fc.record({
    do: fc.constant('acquire' as const),
    member: fc.constantFrom('a', 'b', 'c'),
    max: fc.integer({ min: 1, max: 8 }),
    lockMs: fc.integer({ min: 1, max: 50 }),
  }),
  fc.record({
    do: fc.constantFrom('accept' as const, 'release' as const, 'reject' as const, 'extend' as const),
    pick: fc.nat(),
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ do: fc.constant('remove' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('restart' as const) }),
);

interface Tag {
  offset: number;
  delivery: number;
  expiresAtMs: number;
}

/** A log that is only offsets, and what became of each record by the replies alone. */
class Model {
  window = new ShareWindow(0);
  nowMs = 1_000;
  logStart = 0;
  logEnd = 0;
  readonly records = new Set<number>();
  readonly accepted = new Set<number>();
  readonly archived = new Set<number>();
  /** The last delivery of each record. */
  readonly tags = new Map<number, Tag>();
  readonly allTags: Tag[] = [];

  run(now: Step): void {
    if (now.do === 'append') {
      for (let nth = 0; nth < now.count; nth++) this.records.add(this.logEnd++);
      this.logEnd += now.gap; // offsets that are no records: markers, compaction
    } else if (now.do === 'wait') this.nowMs += now.ms;
    else if (now.do === 'restart')
      this.window = new ShareWindow(JSON.parse(JSON.stringify(this.window.toStored())));
    else if (now.do === 'remove') {
      this.logStart = Math.min(this.logEnd, this.logStart + now.count);
      this.window.advanceTo(this.logStart);
    } else if (now.do === 'acquire') this.acquire(now);
    else this.settle(now);
    this.check();
  }

  acquire({ member, max, lockMs }: { member: string; max: number; lockMs: number }): void {
    this.note(this.window.expire(this.nowMs, LIMIT));
    const from = this.window.nextAvailable(this.window.startOffset);
    const existing: number[] = [];
    for (const offset of this.records)
      if (offset >= Math.max(from, this.logStart)) existing.push(offset, offset + 1);
    const joined = existing.filter((boundary, i) => boundary !== existing[i + (i % 2 === 1 ? 1 : -1)]);
    const expiresAtMs = this.nowMs + lockMs;
    const taken = this.window.acquire(from, this.logEnd, joined, max, { memberId: member, expiresAtMs });
    let count = 0;
    for (const { start, end, deliveries } of taken) {
      for (let offset = start; offset < end; offset++) {
        count += 1;
        const last = this.tags.get(offset);
        expect(this.records.has(offset), `${offset} is a record`).toBe(true);
        expect(this.accepted.has(offset) || this.archived.has(offset), `${offset} is done`).toBe(false);
        expect(last === undefined || last.expiresAtMs <= this.nowMs, `${offset} is locked`).toBe(true);
        expect(deliveries).toBe((last?.delivery ?? 0) + 1);
        expect(deliveries).toBeLessThanOrEqual(LIMIT);
        const tag = { offset, delivery: deliveries, expiresAtMs };
        this.tags.set(offset, tag);
        this.allTags.push(tag);
      }
    }
    expect(count).toBeLessThanOrEqual(max);
  }

  settle({ do: kind, pick }: { do: 'accept' | 'release' | 'reject' | 'extend'; pick: number }): void {
    if (this.allTags.length === 0) return;
    const tag = this.allTags[pick % this.allTags.length]!;
    const { offset, delivery } = tag;
    const archived = this.window.expire(this.nowMs, LIMIT);
    const context = { deliveryLimit: LIMIT, nowMs: this.nowMs };
    const outcome = acknowledge(this.window, { kind, offset, delivery, lockMs: 20 }, context, archived);
    this.note(archived);
    const isLive =
      this.tags.get(offset) === tag && tag.expiresAtMs > this.nowMs && !this.accepted.has(offset);
    if (!isLive || offset < this.logStart) {
      expect(['already_done', 'lock_expired']).toContain(outcome);
      return;
    }
    if (kind === 'accept') this.accepted.add(offset);
    if (kind === 'extend') tag.expiresAtMs = this.nowMs + 20;
    else tag.expiresAtMs = 0;
    const isLast = kind === 'release' && delivery === LIMIT;
    expect(outcome).toBe(
      kind === 'accept'
        ? 'accepted'
        : kind === 'extend'
          ? 'extended'
          : kind === 'reject' || isLast
            ? 'archived'
            : 'released',
    );
  }

  note(archived: readonly Archived[]): void {
    for (const { start, end } of archived)
      for (let offset = start; offset < end; offset++) {
        expect(this.archived.has(offset) || this.accepted.has(offset)).toBe(false);
        this.archived.add(offset);
      }
  }

  /** Every record that is still in the log is in exactly one place. */
  check(): void {
    const { startOffset, endOffset, runs } = this.window;
    let at = startOffset;
    for (const [index, run] of runs.entries()) {
      expect(run.start).toBe(at);
      expect(run.end).toBeGreaterThan(run.start);
      const before = runs[index - 1];
      expect(before?.kind === 'done' && run.kind === 'done').toBe(false);
      at = run.end;
    }
    expect(at).toBe(endOffset);
    expect(runs[0]?.kind).not.toBe('done');
    expect(this.window.archivedCount).toBe(this.archived.size);
    for (const offset of this.records) {
      if (offset < this.logStart) continue;
      const isDone = offset < startOffset || this.window.runAt(offset)?.kind === 'done';
      expect(isDone, `${offset} is done`).toBe(this.accepted.has(offset) || this.archived.has(offset));
    }
  }
}

describe('the window of a share group', () => {
  it('locks each record for one member at a time, loses none, and never hands out what is done', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const model = new Model();
        for (const one of steps) model.run(one);
      }),
      { numRuns: 500 },
    );
  });

  it('holds so many records that are not done, and goes on when one is', () => {
    const window = new ShareWindow(0);
    const lock = { memberId: 'm', expiresAtMs: 1_000 };
    const taken = window.acquire(0, 5_000, [0, 5_000], 4_000, lock);
    expect(taken).toEqual([{ start: 0, end: SHARE_IN_FLIGHT_MAX, deliveries: 1 }]);
    expect(window.isFull).toBe(true);
    expect(window.acquire(SHARE_IN_FLIGHT_MAX, 5_000, [SHARE_IN_FLIGHT_MAX, 5_000], 10, lock)).toEqual([]);
    window.accept(7, 8);
    expect(window.startOffset, 'waits for what is before').toBe(0);
    expect(window.acquire(SHARE_IN_FLIGHT_MAX, 5_000, [SHARE_IN_FLIGHT_MAX, 5_000], 10, lock)).toEqual([
      { start: SHARE_IN_FLIGHT_MAX, end: SHARE_IN_FLIGHT_MAX + 1, deliveries: 1 },
    ]);
    for (let offset = 0; offset < 7; offset++) window.accept(offset, offset + 1);
    expect(window.startOffset, 'moves over all that is done').toBe(8);
  });

  it('stays small when every other record is done', () => {
    const window = new ShareWindow(0);
    const lock = { memberId: 'm'.repeat(255), expiresAtMs: 1_790_000_000_000 };
    let taken = 0;
    for (let from = 0; !window.isFull; from = window.endOffset) {
      window.acquire(from, from + 2, [from, from + 2], 2, lock);
      if (window.runAt(from + 1)) window.accept(from + 1, from + 2);
      taken += 1;
    }
    expect(taken).toBeGreaterThan(SHARE_IN_FLIGHT_MAX - 2);
    expect(JSON.stringify(window.toStored()).length).toBeLessThan(128 * 1024);
  });
});

describe('records that a share group archives', () => {
  const windowAt = (deliveries: number): ShareWindow =>
    new ShareWindow({ start: 0, archived: 0, members: ['m'], runs: [[2, 1, deliveries, 100, 0]] });

  it.each([
    [1, 99, [], 'the lock holds'],
    [1, 100, [], 'it is over, exactly: the records are free'],
    [3, 99, [], 'the last delivery is under way'],
    [3, 100, [{ start: 0, end: 2, deliveries: 3, reason: 'delivery_limit' }], 'the last delivery is over'],
  ])('after %i deliveries at %i are %j: %s', (deliveries, nowMs, expected) => {
    const window = windowAt(deliveries);
    expect(window.expire(nowMs, LIMIT)).toEqual(expected);
    expect(window.archivedCount).toBe(expected.length * 2);
  });

  it('when a member rejects them, or gives them back for the last time', () => {
    expect(windowAt(1).reject(1, 2)).toEqual({ start: 1, end: 2, deliveries: 1, reason: 'rejected' });
    expect(windowAt(1).release(1, 2, LIMIT)).toBeNull();
    expect(windowAt(3).release(1, 2, LIMIT)).toMatchObject({ start: 1, reason: 'delivery_limit' });
  });
});
