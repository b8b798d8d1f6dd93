/** Held messages: which are met in a lane, and what is found at a position. */

import { describe, expect, it } from 'vitest';
import { heldAt, heldIn } from '../../../../core/queue/messages/held-messages.ts';
import { drawQueue } from '../../../support/tables/queue-picture.ts';

const BOTH = { ready: true, leased: true };

/** The messages that are met: the consumer of each, or `.`, with its offset, and how often it was delivered if that is noted. */
function walk(picture: string, which: typeof BOTH, from: number): string {
  const { machine, source } = drawQueue(picture);
  return [...heldIn(machine.lanes[0]!, source, from, which)]
    .map(({ offset, lease, attempts }) => {
      const noted = attempts === null ? '' : `(${attempts.deliveries})`;
      return `${lease?.consumerId ?? '.'}${offset}${noted}`;
    })
    .join(' ');
}

describe('a walk', () => {
  it.each([
    ['A - r2 B2 . / .', BOTH, 0, 'A0 .2(2) B3(2) .4 .5'],
    ['A - r2 B2 . / .', { ready: true, leased: false }, 0, '.2(2) .4 .5'],
    ['A - r2 B2 . / .', { ready: false, leased: true }, 0, 'A0 B3(2)'],
    ['A - r2 B2 . / .', BOTH, 3, 'B3(2) .4 .5'],
    ['- - / r0 / . .', BOTH, 0, '.2 .3 .4'],
    ['A / A / .', { ready: false, leased: true }, 1, 'A1'],
  ])('of "%s" meets what is asked for (%j, from %i): %s', (picture, which, from, met) => {
    expect(walk(picture, which, from)).toBe(met);
  });
});

describe('the message at a position', () => {
  it.each([
    ['A2 - r .', 0, 'leased by A', 2],
    ['A2 - r .', 1, 'none', null],
    ['A2 - r2 .', 2, 'ready', 2],
    ['A2 - r .', 3, 'ready', null],
    ['A2 - r .', 4, 'none', null],
    ['- / .', 0, 'none', null],
  ])('of "%s" at %i is %s', (picture, offset, found, deliveries) => {
    const { machine, source } = drawQueue(picture);
    const held = heldAt(machine, source, { lane: 0, offset });
    const text =
      held === null ? 'none' : held.lease === null ? 'ready' : `leased by ${held.lease.consumerId}`;
    expect(text).toBe(found);
    expect(held?.attempts?.deliveries ?? null).toBe(deliveries);
  });

  it('is none in a lane that there is not', () => {
    const { machine, source } = drawQueue('.');
    expect(heldAt(machine, source, { lane: 4, offset: 0 })).toBeNull();
  });
});
