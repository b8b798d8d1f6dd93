/** Credentials of sessions: their form, and when they end. */

import { describe, expect, it } from 'vitest';
import { endOfSession, readSession, sessionText } from '../../../../core/access/login/session-credential.ts';

const ID = '0123456789abcdef';
const SIGNATURE = 'A_-'.repeat(14) + 'z';
const NOW_MS = Date.UTC(2026, 10, 28, 12, 0, 30);

describe('a session', () => {
  it('is read as it was made', () => {
    const text = sessionText(ID, NOW_MS);
    expect(readSession(`${text}_${SIGNATURE}`)).toEqual({
      id: ID,
      endsMs: NOW_MS,
      text,
      signature: SIGNATURE,
    });
  });

  it.each([
    ['a token', `ph_${ID}_${'x'.repeat(46)}`],
    ['a short id', `ps_${ID.slice(1)}_abc_${SIGNATURE}`],
    ['a long end', `ps_${ID}_${'z'.repeat(10)}_${SIGNATURE}`],
    ['no signature', `ps_${ID}_abc_`],
    ['a line end', `ps_${ID}_abc_${SIGNATURE}\n`],
  ])('is not %s', (_, credential) => {
    expect(readSession(credential)).toBeNull();
  });

  it('ends after an hour, on a whole minute, and with what it stands for', () => {
    const fullMs = Date.UTC(2026, 10, 28, 13, 1);
    expect(endOfSession(NOW_MS, [null, null])).toBe(fullMs);
    expect(endOfSession(NOW_MS + 29_000, [null])).toBe(fullMs);
    expect(endOfSession(NOW_MS, [NOW_MS + 5, null])).toBe(NOW_MS + 5);
    expect(endOfSession(NOW_MS, [NOW_MS + 5, NOW_MS + 3])).toBe(NOW_MS + 3);
  });
});
