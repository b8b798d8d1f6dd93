import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  messageIdOf,
  nextDue,
  putOff,
  removePublish,
  takeDue,
  type CronTimes,
  type Occurrences,
} from '../../../core/schedules/occurrences.ts';

const STEP_MS = 600_000;
/** Every ten minutes. */
const times: CronTimes = {
  after: (ms) => (Math.floor(ms / STEP_MS) + 1) * STEP_MS,
  lastUntil: (ms) => Math.floor(ms / STEP_MS) * STEP_MS,
};
const config = { catch_up: 'once', ends_at: null } as const;
const start: Occurrences = { nextMs: STEP_MS, number: 0, pending: [] };

describe('an occurrence', () => {
  it('becomes one publish, however often the alarm comes', () => {
    const taken = takeDue(start, config, times, STEP_MS);
    expect(taken).toMatchObject({
      nextMs: 2 * STEP_MS,
      number: 1,
      pending: [{ number: 1, occurrenceMs: STEP_MS }],
    });
    expect(takeDue(taken, config, times, STEP_MS)).toBe(taken);
    expect(takeDue(start, config, times, STEP_MS - 1)).toBe(start);
  });

  it('that was missed is caught up with once, by the latest, or not at all', () => {
    const late = 7 * STEP_MS + 5;
    const once = takeDue(start, config, times, late);
    expect(once).toMatchObject({ nextMs: 8 * STEP_MS, pending: [{ occurrenceMs: 7 * STEP_MS }] });
    const none = takeDue(start, { ...config, catch_up: 'none' }, times, late);
    expect(none).toMatchObject({ nextMs: 8 * STEP_MS, pending: [] });
    const little = takeDue(start, { ...config, catch_up: 'none' }, times, STEP_MS + 60_000);
    expect(little.pending).toHaveLength(1);
  });

  it('after the end is none, and the last before it is caught up with', () => {
    const ending = { ...config, ends_at: 3 * STEP_MS };
    const taken = takeDue(start, ending, times, 9 * STEP_MS);
    expect(taken).toMatchObject({ nextMs: null, pending: [{ occurrenceMs: 3 * STEP_MS }] });
  });

  it('waits where the one before could not be published', () => {
    const taken = takeDue(start, config, times, STEP_MS);
    expect(takeDue(taken, config, times, 5 * STEP_MS)).toBe(taken);
    expect(nextDue(taken)).toBe(STEP_MS);
    const later = putOff(taken, taken.pending[0]!, 9 * STEP_MS, false);
    expect(nextDue(later)).toBe(9 * STEP_MS);
    expect(takeDue(removePublish(later, later.pending[0]!), config, times, 5 * STEP_MS).pending).toHaveLength(
      1,
    );
  });

  it('keeps its message id through its attempts, and gets a number anew that a queue has refused', () => {
    const taken = takeDue(start, config, times, STEP_MS);
    const [before] = taken.pending;
    const [after] = putOff(taken, before!, 2 * STEP_MS, true).pending;
    expect(after).toMatchObject({ number: 2, id: 1, attempts: 1 });
    const schedule = { name: 'report', id: 7 };
    expect(messageIdOf(schedule, after!)).toBe(messageIdOf(schedule, before!));
    expect(messageIdOf(schedule, before!)).toBe('report#7@1970-01-01T00:10:00.000Z');
  });

  it('is published exactly once to a queue, whatever is cut off, repeated or late', () => {
    const step = fc.record({
      deltaMs: fc.integer({ min: 0, max: 3 * STEP_MS }),
      /** The end comes before the publish, between it and its commit, or not at all. */
      crash: fc.constantFrom('before', 'between', 'none'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let stored = start;
        let taken = 0; // what the queue remembers of this source
        const published: number[] = [];
        let nowMs = 0;
        for (const { deltaMs, crash } of [...steps, { deltaMs: STEP_MS, crash: 'none' }]) {
          nowMs += deltaMs;
          stored = takeDue(stored, config, times, nowMs);
          const [publish] = stored.pending;
          if (!publish || crash === 'before') continue;
          if (publish.number > taken) {
            taken = publish.number;
            published.push(publish.occurrenceMs);
          }
          if (crash === 'none') stored = removePublish(stored, publish);
        }
        expect(published).toEqual([...new Set(published)].toSorted((a, b) => a - b));
        expect(published.every((ms) => ms % STEP_MS === 0 && ms <= nowMs)).toBe(true);
        const expected = nowMs >= STEP_MS ? 1 : 0;
        expect(published.length).toBeGreaterThanOrEqual(expected);
      }),
    );
  });
});
