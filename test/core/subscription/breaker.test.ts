import { describe, expect, it } from 'vitest';
import {
  CLOSED,
  noteAccepted,
  noteFailed,
  noteLater,
  wake,
  type Breaker,
} from '../../../core/subscription/breaker.ts';

const NOW = 1_000_000;
const failing = (messages: readonly string[], from: Breaker = CLOSED): Breaker =>
  messages.reduce((breaker, message) => noteFailed(breaker, message, NOW), from);

describe('a breaker', () => {
  it('opens after five failures of at least two messages, and stays open twice as long each time', () => {
    expect(failing(['a', 'b', 'c', 'd']).phase).toBe('closed');
    const open = failing(['a', 'b', 'c', 'd', 'e']);
    expect(open).toMatchObject({ phase: 'open', untilMs: NOW + 5_000 });
    const probing = wake(open, NOW + 5_000);
    expect(probing.phase).toBe('probing');
    expect(noteFailed(probing, 'a', NOW)).toMatchObject({ phase: 'open', untilMs: NOW + 10_000 });
  });

  it('stays closed for one message that fails alone', () => {
    expect(failing(Array.from({ length: 50 }, () => 'poison')).phase).toBe('closed');
  });

  it('is open for two minutes at most', () => {
    let breaker = failing(['a', 'b', 'c', 'd', 'e']);
    for (let round = 0; round < 20; round++) breaker = noteFailed(wake(breaker, breaker.untilMs), 'a', NOW);
    expect(breaker.untilMs).toBe(NOW + 120_000);
  });

  it('does not stay open longer for requests that were sent before it opened', () => {
    const open = failing(['a', 'b', 'c', 'd', 'e']);
    expect(noteFailed(open, 'f', NOW + 1_000).untilMs).toBe(open.untilMs);
  });

  it('wakes no earlier than it says', () => {
    const open = failing(['a', 'b', 'c', 'd', 'e']);
    expect(wake(open, NOW + 4_999)).toBe(open);
  });

  it('closes with a success', () => {
    const probing = wake(failing(['a', 'b', 'c', 'd', 'e']), NOW + 5_000);
    expect(noteAccepted(probing)).toMatchObject({ phase: 'closed', failures: 0, opened: 0 });
    expect(noteAccepted(CLOSED)).toBe(CLOSED);
  });

  it('waits as long as the endpoint asks, an hour at most, and longer each time if it does not say', () => {
    expect(noteLater(CLOSED, 3_000, NOW).untilMs).toBe(NOW + 3_000);
    expect(noteLater(CLOSED, 1e12, NOW).untilMs).toBe(NOW + 3_600_000);
    const once = noteLater(CLOSED, null, NOW);
    expect(once.untilMs).toBe(NOW + 1_000);
    expect(noteLater(once, null, NOW).untilMs).toBe(NOW + 2_000);
  });
});

it('opens for one message alone if nobody is there and all others wait for it', () => {
  const once = noteFailed(CLOSED, 'a', 1_000, true);
  expect(once.phase).toBe('closed');
  expect(noteFailed(once, 'a', 2_000, true)).toMatchObject({ phase: 'open', untilMs: 7_000 });
  expect(noteFailed(once, 'a', 2_000).phase).toBe('closed');
});
