import { expect, it } from 'vitest';
import { goneAtMs } from '../../../../core/queue/deliver/silence.ts';

it('a stream with a heartbeat is gone after three of them, whatever its leases do', () => {
  expect(goneAtMs({ heartbeatMs: 8_000, lastMs: 1_000, endedLeases: 0 })).toBe(25_000);
  expect(goneAtMs({ heartbeatMs: 60_000, lastMs: 1_000, endedLeases: 3 })).toBe(181_000);
});

it('a stream without one is gone after 25 s only if a lease has ended', () => {
  expect(goneAtMs({ lastMs: 1_000, endedLeases: 0 })).toBe(Infinity);
  expect(goneAtMs({ lastMs: 1_000, endedLeases: 1 })).toBe(26_000);
});
