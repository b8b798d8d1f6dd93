import { describe, expect, it } from 'vitest';
import { failureOf, isAbsent, judgePush } from '../../../core/subscription/push-verdict.ts';

const answered = (status: number, retryAfterMs: number | null = null) => judgePush({ status, retryAfterMs });

it.each([
  [200, { kind: 'accepted' }],
  [204, { kind: 'accepted' }],
  [301, { kind: 'failed', isDown: true }],
  [400, { kind: 'failed', isDown: false }],
  [401, { kind: 'failed', isDown: true }],
  [404, { kind: 'failed', isDown: true }],
  [408, { kind: 'failed', isDown: true }],
  [410, { kind: 'gone' }],
  [422, { kind: 'failed', isDown: false }],
  [429, { kind: 'later', delayMs: null }],
  [500, { kind: 'failed', isDown: true }],
  [503, { kind: 'failed', isDown: true }],
  [508, { kind: 'failed', isDown: false }],
])('status %i', (status, verdict) => {
  expect(answered(status)).toMatchObject(verdict);
});

it('an endpoint that says when to come again is believed', () => {
  expect(answered(503, 5_000)).toMatchObject({ kind: 'later', delayMs: 5_000 });
  expect(answered(429, 5_000)).toMatchObject({ kind: 'later', delayMs: 5_000 });
  expect(answered(500, 5_000)).toMatchObject({ kind: 'failed', delayMs: 5_000 });
  // A year would hold up all of a key, and no time at all would ask again and again.
  for (const status of [500, 422, 429]) {
    expect(answered(status, 31_536_000_000)).toMatchObject({ delayMs: 3_600_000 });
    expect(answered(status, 0)).toMatchObject({ delayMs: null });
  }
});

it('no reply is a failed attempt that says why', () => {
  expect(judgePush({ error: 'no reply within 100 ms' })).toEqual({
    kind: 'failed',
    error: 'no reply within 100 ms',
    isDown: true,
    delayMs: null,
  });
});

it.each([
  [{ error: 'refused' }, true],
  [{ status: 503, retryAfterMs: null }, true],
  [{ status: 500, retryAfterMs: null }, false],
  [{ status: 422, retryAfterMs: null }, false],
])('%j says whether anybody was there: %s', (outcome, isGone) => {
  expect(isAbsent(outcome)).toBe(isGone);
});

describe('a Worker', () => {
  const outcome = (retried: number, error: string | null = null) => ({
    status: error === null ? 200 : 500,
    retryAfterMs: null,
    reply: null,
    worker: {
      retried: Array.from({ length: retried }, (_, index) => ({ index, delayMs: null })),
      count: 3,
      error,
    },
  });

  it('accepts all, or wants some again, which says nothing of the Worker itself', () => {
    expect(judgePush(outcome(0))).toEqual({ kind: 'accepted' });
    expect(judgePush(outcome(3))).toMatchObject({
      error: 'the Worker wants 3 of 3 messages again',
      isDown: false,
    });
  });

  it('that throws may be one that does not work at all, unless it has accepted something', () => {
    expect(judgePush(outcome(3, 'no'))).toMatchObject({ error: 'the Worker threw: no', isDown: true });
    expect(judgePush(outcome(1, 'no'))).toMatchObject({ isDown: false });
  });

  it('has its words in the dead letter', () => {
    const typeOf = (one: ReturnType<typeof outcome>) =>
      failureOf({ kind: 'failed', error: 'x', isDown: false, delayMs: null }, one).error.type;
    expect([typeOf(outcome(1)), typeOf(outcome(1, 'no'))]).toEqual(['worker_retry', 'worker_threw']);
    const silent = { error: 'late', reply: null };
    const verdict = { kind: 'failed', error: 'late', isDown: true, delayMs: null } as const;
    expect(failureOf(verdict, silent).error.type).toBe('no_reply');
  });
});
