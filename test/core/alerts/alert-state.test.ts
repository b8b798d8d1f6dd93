import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowsOf } from '../../support/tables/text-table.ts';
import { OK, stepAlert, TRANSITION_INTERVAL_MS, type AlertState } from '../../../core/alerts/alert-state.ts';

/**
 * `state`: the phase, `@` when it began, `^` when the metric began to be above. `did`: the notice. `again`: when to look again.
 * The threshold is 10, and what is above it is so for `forMs`.
 */
const TRANSITIONS = rowsOf<'state' | 'forMs' | 'value' | 'now' | 'becomes' | 'did' | 'again' | 'because'>(`
  state              | forMs | value | now   | becomes            | did       | again | because
  ok                 | 5000  | 10    | 9000  | ok                 |           |       | the threshold itself is not too much
  ok                 | 5000  | 11    | 9000  | pending@9000^9000  |           | 14000 | it is, and has to be so for a while
  ok                 | 0     | 11    | 9000  | firing@9000^9000   | firing    |       | or for no time
  pending@9000^9000  | 5000  | 11    | 13999 | pending@9000^9000  |           | 14000 | a millisecond is left
  pending@9000^9000  | 5000  | 11    | 14000 | firing@14000^9000  | firing    |       | the time is over, exactly
  pending@9000^9000  | 5000  | 10    | 9001  | ok@9001            |           |       | it was short, and nobody hears of it
  firing@14000^9000  | 5000  | 99    | 20000 | firing@14000^9000  |           |       | it fires once
  firing@14000^9000  | 5000  | 10    | 15000 | ok@15000           | recovered |       | and recovers
  firing@14000^9000  | 5000  | 10    | 14999 | firing@14000^9000  |           | 15000 | not within a second
  ok@15000           | 5000  | 11    | 15999 | ok@15000           |           | 16000 | nor does it begin again within one
  ok@15000           | 5000  | 11    | 16000 | pending@16000^16000 |          | 21000 | but then it does
`);

function stateOf(text: string): AlertState {
  const [, phase, since, above] = /^(ok|pending|firing)(?:@(\d+))?(?:\^(\d+))?$/.exec(text)!;
  const number = (digits?: string): number | null => (digits === undefined ? null : Number(digits));
  return { phase: phase as AlertState['phase'], sinceMs: number(since), aboveSinceMs: number(above) };
}

describe('a transition', () => {
  it.each(TRANSITIONS)('of $state with $value at $now: $becomes, $because', (row) => {
    const before = stateOf(row.state);
    const step = stepAlert(
      before,
      { threshold: 10, forMs: Number(row.forMs) },
      Number(row.value),
      Number(row.now),
    );
    expect(step).toEqual({
      state: stateOf(row.becomes),
      notice: row.did === '' ? null : row.did,
      lookAgainMs: row.again === '' ? null : Number(row.again),
    });
    expect(step.state === before, 'nothing is written where nothing has happened').toBe(
      row.state === row.becomes,
    );
  });
});

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
