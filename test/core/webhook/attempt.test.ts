import { describe, expect, it } from 'vitest';
import { judgeAttempt, retryAfterMs, WEBHOOK_RETRIES } from '../../../core/webhook/attempt.ts';

const context = (nowMs: number, random = 0) => ({ nowMs, random });

describe('after an attempt', () => {
  it.each([200, 201, 204, 299])('status %i is a delivery', (status) => {
    const outcome = { status, retryAfterMs: null };
    expect(judgeAttempt(outcome, { attempts: 1, firstMs: 0 }, context(0))).toEqual({ kind: 'delivered' });
  });

  it.each([301, 307, 400, 401, 404, 429, 500, 503])('status %i is tried again', (status) => {
    const outcome = { status, retryAfterMs: null };
    expect(judgeAttempt(outcome, { attempts: 1, firstMs: 0 }, context(0))).toEqual({
      kind: 'retry',
      atMs: 5_000,
    });
  });

  it('delays double up to the most, less a share of chance', () => {
    const delay = (attempts: number, random: number): number => {
      const verdict = judgeAttempt({ error: 'refused' }, { attempts, firstMs: 0 }, context(0, random));
      return verdict.kind === 'retry' ? verdict.atMs : NaN;
    };
    expect([1, 2, 3, 7, 8, 50].map((attempts) => delay(attempts, 0))).toEqual([
      5_000, 10_000, 20_000, 320_000, 600_000, 600_000,
    ]);
    expect(delay(1, 0.5)).toBe(4_500);
  });

  it('Retry-After is a least', () => {
    const verdict = (retryAfterMs: number) =>
      judgeAttempt({ status: 429, retryAfterMs }, { attempts: 1, firstMs: 0 }, context(0));
    expect(verdict(60_000)).toEqual({ kind: 'retry', atMs: 60_000 });
    expect(verdict(1)).toEqual({ kind: 'retry', atMs: 5_000 });
  });

  it('it is given up when its time is over, and at once for 410', () => {
    const { giveUpAfterMs } = WEBHOOK_RETRIES;
    const late = judgeAttempt({ error: 'refused' }, { attempts: 99, firstMs: 0 }, context(giveUpAfterMs));
    expect(late).toMatchObject({ kind: 'given_up' });
    const gone = judgeAttempt({ status: 410, retryAfterMs: null }, { attempts: 1, firstMs: 0 }, context(0));
    expect(gone).toMatchObject({ kind: 'given_up' });
  });

  it.each([
    [null, null],
    ['120', 120_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 50_000],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
    ['soon', null],
    ['-5', null],
  ])('Retry-After %j is %j ms', (header, ms) => {
    expect(retryAfterMs(header, 10_000)).toBe(ms);
  });
});
