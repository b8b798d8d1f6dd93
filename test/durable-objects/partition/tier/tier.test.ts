/** Tier of a partition: whatever fails, and wherever it is cut off, no record is lost and no object is left behind. */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tierPrefix } from '../../../../core/log/tier/tier-key.ts';
import { SEED } from '../../../support/seed.ts';
import { HOT_BYTES, TierDriver } from './tier-driver.ts';

const HOUR_MS = 3_600_000;
const PREFIX = tierPrefix({ namespace: 'n', id: 1 }, 0);

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {}); // what fails is logged, many times
});
afterEach(() => vi.restoreAllMocks());

/** Twelve segments of 20 KB: one object has one of them, and four stay. */
function fill(driver: TierDriver, from = 0, count = 12): void {
  for (let nth = from; nth < from + count; nth++)
    driver.append([
      { value: `${nth} `.padEnd(10_000, 'x'), timestamp: nth * 1_000 },
      { value: `${nth}b `.padEnd(10_000, 'x'), timestamp: nth * 1_000 + 500 },
    ]);
}

const namesOf = (records: [number, string | null][]): string[] =>
  records.map(([offset, value]) => `${offset} ${value?.split(' ')[0]}`);

/** The rows name these objects. */
function named(driver: TierDriver): string[] {
  return driver.open!.objects.isUsed
    ? driver.sql
        .all<{ key: string }>('SELECT key FROM cold_objects')
        .map(({ key }) => PREFIX + key)
        .sort()
    : [];
}

const inBucket = (driver: TierDriver): string[] => [...driver.bucket.objects.keys()].sort();

describe('a tier whose storage or bucket fails', () => {
  it('loses no record and leaves no object, at whichever statement', async () => {
    for (let n = 1, done = false; !done; n++) {
      let driver = new TierDriver();
      fill(driver);
      const expected = namesOf(await driver.records());
      driver.sql.failAfter = n;
      await driver.seal();
      done = driver.sql.failAfter > 0;
      driver.sql.failAfter = Infinity;
      expect(namesOf(await driver.records()), `in memory, statement ${n}`).toEqual(expected);
      driver = driver.again();
      expect(namesOf(await driver.records()), `after a restart, statement ${n}`).toEqual(expected);
      await driver.seal();
      await driver.advance(HOUR_MS + 1);
      await driver.seal();
      expect(driver.log.hotBytes).toBeLessThan(HOT_BYTES * 1.25);
      expect(inBucket(driver), `statement ${n}`).toEqual(named(driver));
      expect(namesOf(await driver.records())).toEqual(expected);
    }
  });

  const moments = ['before', 'after'].flatMap((when) => [true, false].map((isCrash) => ({ when, isCrash })));
  it.each(moments)(
    'loses no record and leaves no object, at whichever call of the bucket, $when it was done; a crash: $isCrash',
    async ({ when, isCrash }) => {
      for (let n = 1, done = false; !done; n++) {
        let driver = new TierDriver();
        fill(driver);
        const expected = namesOf(await driver.records());
        let calls = 0;
        driver.bucket.onStep = (_, at) => {
          if (at === when && ++calls === n) throw new Error('the bucket failed, as the test asked for');
        };
        await driver.seal();
        done = calls < n;
        driver.bucket.onStep = () => {};
        if (isCrash) {
          driver = driver.again();
          driver.tier.woke();
          await driver.rest();
        }
        expect(namesOf(await driver.records()), `call ${n}`).toEqual(expected);
        await driver.advance(10_000);
        expect(driver.log.hotBytes, 'the alarm tries again').toBeLessThan(HOT_BYTES * 1.25);
        await driver.advance(HOUR_MS + 1);
        expect(inBucket(driver), `call ${n}`).toEqual(named(driver));
        expect(namesOf(await driver.records())).toEqual(expected);
      }
    },
  );

  it('keeps the rows of what the bucket has stored wrongly', async () => {
    const driver = new TierDriver();
    fill(driver);
    const expected = namesOf(await driver.records());
    for (const spoil of [
      (bytes: Uint8Array) => bytes.subarray(1),
      () => null, // it says that it has stored it, and has not
    ]) {
      driver.bucket.onStep = (call, when) => {
        if (call !== 'put' || when !== 'after') return;
        const [key, stored] = [...driver.bucket.objects].at(-1)!;
        const bytes = spoil(stored.bytes);
        if (bytes === null) driver.bucket.objects.delete(key);
        else driver.bucket.objects.set(key, { ...stored, bytes });
      };
      await driver.advance(400_000);
      await driver.seal();
      expect(named(driver)).toEqual([]);
      expect(driver.log.coldBytes).toBe(0);
    }
    expect(namesOf(await driver.records())).toEqual(expected);
  });

  it('does not give an attempt of an earlier life a say', async () => {
    const old = new TierDriver();
    fill(old);
    const expected = namesOf(await old.records());
    let next: TierDriver | null = null;
    old.bucket.onStep = (call, when) => {
      if (call === 'head' && when === 'after') next ??= old.again();
    };
    await old.seal();
    old.bucket.onStep = () => {};
    expect(named(next!)).toEqual([]);
    await next!.seal();
    expect(namesOf(await next!.records())).toEqual(expected);
  });

  it('answers a read with what is wrong while the bucket fails, and in full afterwards', async () => {
    let driver = new TierDriver();
    fill(driver);
    const expected = namesOf(await driver.records());
    await driver.seal();
    driver = driver.again();
    const lost = new Map(driver.bucket.objects);
    driver.bucket.onStep = () => {
      throw new Error('the bucket is away');
    };
    await expect(driver.records()).rejects.toThrow('the bucket is away');
    driver.bucket.onStep = () => {};
    driver.bucket.objects.clear();
    await expect(driver.records()).rejects.toThrow('the bucket has no object tiers/n/1/0/');
    for (const [key, stored] of lost) driver.bucket.objects.set(key, stored);
    expect(namesOf(await driver.records())).toEqual(expected);
  });
});

describe('a tier', () => {
  it('does what a log without one does, whatever happens to both', async () => {
    const operation = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 6 }) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('seal' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('delete' as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('retain' as const),
          bytes: fc.integer({ min: 50_000, max: 300_000 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('hour' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
        let driver = new TierDriver();
        let expected: string[] = [];
        let appended = 0;
        const dropBelowStart = (): void => {
          const { logStartOffset } = driver.log.offsets;
          expected = expected.filter((name) => Number(name.split(' ')[0]) >= logStartOffset);
        };
        for (const each of operations) {
          if (each.kind === 'append') {
            fill(driver, appended, each.count);
            for (let nth = appended; nth < appended + each.count; nth++)
              expected.push(`${2 * nth} ${nth}`, `${2 * nth + 1} ${nth}b`);
            appended += each.count;
          } else if (each.kind === 'seal') await driver.seal();
          else if (each.kind === 'restart') driver = driver.again();
          else if (each.kind === 'hour') await driver.advance(HOUR_MS + 1);
          else if (each.kind === 'delete') {
            const { logStartOffset: start, highWatermark: end } = driver.log.offsets;
            driver.deleteRecords(start + Math.floor((end - start) * each.share));
            dropBelowStart();
          } else {
            const before = driver.log.sizeBytes;
            while (driver.log.retain({ retentionMs: null, retentionBytes: each.bytes }, driver.nowMs));
            expect(driver.log.sizeBytes).toBeGreaterThanOrEqual(Math.min(before, each.bytes));
            driver.tier.scheduleSweep();
            dropBelowStart();
          }
          expect(driver.log.sizeBytes).toBe(driver.log.coldBytes + driver.log.hotBytes);
        }
        expect(namesOf(await driver.records())).toEqual(expected);
        for (const name of expected.slice(0, 20)) {
          const offset = Number(name.split(' ')[0]);
          expect(await driver.offsetAt(offset * 500)).toBe(offset);
          expect(namesOf(await driver.records(offset))[0]).toBe(name);
        }
        await driver.seal();
        await driver.advance(2 * HOUR_MS);
        expect(inBucket(driver)).toEqual(named(driver));
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it('needs one read of the bucket for the first bytes of any offset, and reads ahead for who goes on', async () => {
    const driver = new TierDriver();
    fill(driver, 0, 100);
    await driver.seal();
    expect(
      ['tier', 'tier-orphans'].map((task) => driver.alarm.isScheduled(task)),
      'at rest',
    ).toEqual([false, false]);
    let reads = 0;
    driver.bucket.onStep = (call, when) => {
      if (call === 'get' && when === 'before') reads += 1;
    };
    for (const offset of [0, 77, 120]) {
      reads = 0;
      await driver.tier.read(() => driver.log.read(offset, 1_000, 1));
      expect(reads, `at ${offset}`).toBeLessThanOrEqual(1);
    }
    driver.tier.readAhead(0);
    await driver.rest();
    reads = 0;
    await driver.tier.read(() => driver.log.read(2, 1_000, 1));
    expect(reads, 'it was read ahead').toBe(0);
  });

  it('deletes all of a partition that is deleted', async () => {
    const driver = new TierDriver();
    fill(driver);
    await driver.seal();
    const { definition } = driver.open!;
    driver.bucket.objects.set(`${PREFIX}left-by-an-earlier-life`, [...driver.bucket.objects.values()][0]!);
    driver.open = null;
    await driver.tier.remove(definition, true);
    expect(inBucket(driver)).toEqual([]);
  });

  it('deletes many in slices, and goes on after a failure where it was', async () => {
    const driver = new TierDriver();
    fill(driver);
    await driver.seal();
    const { definition } = driver.open!;
    const [stored] = driver.bucket.objects.values();
    for (let nth = 0; nth < 2_500; nth++) driver.bucket.objects.set(`${PREFIX}${nth}`, stored!);
    const others = `${tierPrefix({ namespace: 'n', id: 1 }, 1)}0`;
    driver.bucket.objects.set(others, stored!);
    driver.open = null;
    const left: number[] = [];
    let deletions = 0;
    driver.bucket.onStep = (call, when) => {
      if (call !== 'delete' || when !== 'after') return;
      left.push(driver.bucket.objects.size);
      if (++deletions === 2) throw new Error('the bucket failed, as the test asked for');
    };
    await expect(driver.tier.remove(definition, true)).rejects.toThrow('as the test asked for');
    await driver.tier.remove(definition, true);
    expect(left[0]! - left[1]!).toBe(1_000);
    expect(left).toHaveLength(3);
    expect(inBucket(driver)).toEqual([others]);
  });
});
