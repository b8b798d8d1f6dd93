import { describe, expect, it } from 'vitest';
import { noticeOf, type NoticeCause } from '../../../core/alerts/notice.ts';

const rule = {
  name: 'backlog',
  id: 3,
  metric: 'depth' as const,
  threshold: 10,
  forMs: 60_000,
  webhook: { url: 'https://example.com/', secret: 'secret' },
};
const queue = { namespace: 'default', name: 'orders' };
const cause: NoticeCause = { kind: 'firing', value: 11, aboveSinceMs: 1_000, nowMs: 61_000 };

describe('a notice', () => {
  it('says which rule of which queue fires, by how much and since when', () => {
    expect(noticeOf(rule, queue, cause)).toEqual({
      type: 'alert.firing',
      timestamp: '1970-01-01T00:01:01.000Z',
      data: {
        alert: 'backlog',
        namespace: 'default',
        queue: 'orders',
        metric: 'depth',
        threshold: 10,
        for_ms: 60_000,
        value: 11,
        since: '1970-01-01T00:00:01.000Z',
      },
    });
  });

  it.each(['below_threshold', 'rule_deleted'] as const)('of a recovery says why: %s', (reason) => {
    expect(noticeOf(rule, queue, { ...cause, kind: 'recovered', reason })).toMatchObject({
      type: 'alert.recovered',
      data: { reason },
    });
  });

  it('never tells the secret', () => {
    expect(JSON.stringify(noticeOf(rule, queue, cause))).not.toContain('secret');
  });
});
