import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OK, stepAlert, TRANSITION_INTERVAL_MS, type AlertState } from '../../../core/alerts/alert-state.ts';

const MINUTE_MS = 60_000;
const rule = { threshold: 10, forMs: MINUTE_MS };

/** Steps through `[time, value]` and gives the phase after each, with the notice. */
function phases(samples: [number, number][], of = rule): string[] {
  let state: AlertState = OK;
  return samples.map(([nowMs, value]) => {
    const step = stepAlert(state, of, value, nowMs);
    state = step.state;
    return step.notice ? `${state.phase}!` : state.phase;
  });
}

describe('a rule', () => {
  it('fires after its duration, once, and recovers', () => {
    const samples: [number, number][] = [
      [0, 10],
      [1_000, 11],
      [60_999, 11],
      [61_000, 99],
      [62_000, 99],
      [90_000, 10],
      [91_000, 0],
    ];
    expect(phases(samples)).toEqual(['ok', 'pending', 'pending', 'firing!', 'firing', 'ok!', 'ok']);
  });

  it('begins anew where it was below in between', () => {
    expect(
      phases([
        [0, 11],
        [30_000, 1],
        [40_000, 11],
        [99_000, 11],
        [100_000, 11],
      ]),
    ).toEqual(['pending', 'ok', 'pending', 'pending', 'firing!']);
  });

  it('without a duration fires at once', () => {
    expect(phases([[0, 11]], { ...rule, forMs: 0 })).toEqual(['firing!']);
  });

  it('that is looked at late fires by the time at which it was crossed', () => {
    const late = stepAlert(OK, rule, 11, 5 * MINUTE_MS, 2 * MINUTE_MS);
    expect(late).toMatchObject({ notice: 'firing', state: { aboveSinceMs: 2 * MINUTE_MS } });
  });

  it('says when to look again, and nothing where only a change can matter', () => {
    const pending = stepAlert(OK, rule, 11, 1_000);
    expect(pending.lookAgainMs).toBe(61_000);
    expect(stepAlert(pending.state, rule, 11, 2_000).lookAgainMs).toBe(61_000);
    expect(stepAlert(OK, rule, 1, 1_000).lookAgainMs).toBeNull();
    expect(stepAlert(pending.state, rule, 11, 61_000).lookAgainMs).toBeNull();
  });

  it('whatever the metric does: notices take turns, and transitions are bounded by time', () => {
    const samples = fc.array(fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.boolean()), { maxLength: 200 });
    fc.assert(
      fc.property(samples, fc.constantFrom(0, 500, 20_000), (steps, forMs) => {
        let state: AlertState = OK;
        let nowMs = 0;
        let transitions = 0;
        const notices: string[] = [];
        for (const [deltaMs, isAbove] of steps) {
          nowMs += deltaMs;
          const step = stepAlert(state, { threshold: 0, forMs }, isAbove ? 1 : 0, nowMs);
          if (step.state !== state) transitions++;
          if (step.notice) notices.push(step.notice);
          if (step.notice === 'firing')
            expect(nowMs - step.state.aboveSinceMs!).toBeGreaterThanOrEqual(forMs);
          if (step.state === state && step.lookAgainMs !== null)
            expect(step.lookAgainMs).toBeGreaterThan(nowMs);
          state = step.state;
        }
        expect(notices).toEqual(notices.map((_, index) => (index % 2 === 0 ? 'firing' : 'recovered')));
        expect(transitions).toBeLessThanOrEqual(3 * (nowMs / TRANSITION_INTERVAL_MS + 1));
      }),
    );
  });
});
