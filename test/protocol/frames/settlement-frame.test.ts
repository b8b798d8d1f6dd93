import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../protocol/errors.ts';
import { LANES, SETTLE_TAGS_MAX } from '../../../protocol/limits.ts';
import {
  decodeOutcomeFrame,
  decodeSettlementFrame,
  encodeOutcomeFrame,
  encodeSettlementFrame,
  isOutcomeFrame,
  type SettlementEntry,
} from '../../../protocol/frames/settlement-frame.ts';
import { SETTLE_OUTCOMES, SETTLEMENT_KINDS } from '../../../protocol/settlements.ts';
import { anyText } from '../../support/any-text.ts';

const id = fc.nat(0xffff_ffff);
const entry: fc.Arbitrary<SettlementEntry> = fc
  .record({
    kind: fc.constantFrom(...SETTLEMENT_KINDS),
    queueId: fc.maxSafeNat(),
    lane: fc.nat(LANES - 1),
    delivery: fc.nat(0xffff_ffff),
    start: fc.nat(2 ** 50),
    count: fc.integer({ min: 1, max: 100 }),
    details: fc.oneof(fc.constant(''), fc.json(), anyText()),
  })
  .map(({ count, ...rest }) => ({ ...rest, end: rest.start + count, details: rest.details.toWellFormed() }));

const ENTRY: SettlementEntry = {
  kind: 'ack',
  queueId: 1,
  lane: 0,
  delivery: 1,
  start: 0,
  end: 5,
  details: '',
};

function reasonOf(bytes: Uint8Array): string {
  const result = decodeSettlementFrame(bytes);
  if (!isFailure(result)) throw new Error('it was taken');
  expect(['invalid_frame', 'too_many_tags']).toContain(result.code);
  return `${JSON.stringify(result.details ?? {})} ${result.message}`;
}

function spoiled(change: (view: DataView) => void, entries = [ENTRY]): Uint8Array {
  const bytes = encodeSettlementFrame({ id: 7, entries });
  change(new DataView(bytes.buffer));
  return bytes;
}

describe('a settlement frame', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(id, fc.array(entry, { maxLength: 50 }), (number, entries) => {
        const frame = { id: number, entries };
        expect(decodeSettlementFrame(encodeSettlementFrame(frame))).toEqual(frame);
      }),
    );
  });

  it('that is malformed is refused in words, with its id where it has one', () => {
    expect(reasonOf(new Uint8Array())).toContain('begins with 0x81');
    expect(reasonOf(spoiled((view) => view.setUint8(0, 0x40)))).toContain('begins with 0x81');
    const whole = encodeSettlementFrame({ id: 7, entries: [ENTRY, ENTRY] });
    expect(reasonOf(whole.subarray(0, -1))).toBe('{"id":7,"entry":1} the frame ends inside an entry');
    for (const wrong of [-1, 0.5, NaN, Infinity, 2 ** 60]) {
      for (const at of [19, 27]) {
        if (at === 27 && wrong === 0.5) continue;
        expect(reasonOf(spoiled((view) => view.setFloat64(at, wrong)))).toContain('begins at an offset');
      }
    }
    expect(reasonOf(spoiled((view) => view.setFloat64(27, 0)))).toContain('ends after it');
    expect(reasonOf(spoiled((view) => view.setUint32(35, 1)))).toContain('ends inside the details');
  });

  it('with an entry that says nothing is read all the same: its neighbours stand alone', () => {
    const text = { ...ENTRY, details: '{}' };
    const second = { ...ENTRY, start: 5, end: 9 };
    const readOf = (change: (view: DataView) => void) =>
      decodeSettlementFrame(spoiled(change, [text, second]));
    for (const [change, invalid] of [
      [(view: DataView) => view.setUint8(5, 5), '5 is no kind of settlement'],
      [(view: DataView) => view.setFloat64(11, NaN), 'NaN is no id of a queue'],
      [(view: DataView) => view.setFloat64(11, -1), '-1 is no id of a queue'],
      [(view: DataView) => view.setUint8(39, 0xff), 'the details are not UTF-8'],
    ] as const) {
      expect(readOf(change)).toEqual({ id: 7, entries: [{ invalid, count: 5 }, second] });
    }
    // A lane that no queue has is the queue's to answer, as for a tag.
    expect(readOf((view) => view.setUint8(6, 255))).toMatchObject({ entries: [{ lane: 255 }, second] });
  });

  it('settles as many messages as a settlement may, and a run that is too long costs nothing', () => {
    const most = { ...ENTRY, end: SETTLE_TAGS_MAX };
    expect(decodeSettlementFrame(encodeSettlementFrame({ id: 1, entries: [most] }))).toHaveProperty(
      'entries',
    );
    expect(reasonOf(encodeSettlementFrame({ id: 1, entries: [most, ENTRY] }))).toContain('more than');
    const endless = { ...ENTRY, end: Number.MAX_SAFE_INTEGER };
    expect(reasonOf(encodeSettlementFrame({ id: 1, entries: [endless] }))).toContain('more than');
  });

  it('whatever the bytes are, is read or refused', () => {
    const mutated = fc
      .tuple(
        fc.array(entry, { maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([entries, changes]) => {
        const bytes = encodeSettlementFrame({ id: 1, entries });
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        const result = decodeSettlementFrame(bytes);
        if (isFailure(result)) return void reasonOf(bytes);
        const entries = result.entries.flatMap((one) => ('invalid' in one ? [] : one));
        // What is taken says exactly what the bytes say.
        if (entries.length === result.entries.length)
          expect(encodeSettlementFrame({ id: result.id, entries })).toEqual(bytes);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an outcome frame', () => {
  const outcomes = fc.array(fc.constantFrom(...SETTLE_OUTCOMES), { maxLength: 200 });

  it('is read as it was written, and is told from a delivery frame by its first byte', () => {
    fc.assert(
      fc.property(id, outcomes, (number, all) => {
        const bytes = encodeOutcomeFrame({ id: number, outcomes: all });
        expect(decodeOutcomeFrame(bytes)).toEqual({ id: number, outcomes: all });
        expect(isOutcomeFrame(bytes)).toBe(true);
      }),
    );
    const queueId = new Uint8Array(8);
    new DataView(queueId.buffer).setFloat64(0, 123);
    expect(isOutcomeFrame(queueId)).toBe(false);
  });

  it('of what nobody asked is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(decodeOutcomeFrame(bytes).outcomes.length).toBeLessThanOrEqual(SETTLE_TAGS_MAX);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
