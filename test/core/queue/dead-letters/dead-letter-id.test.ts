import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDeadLetterId, parseDeadLetterId } from '../../../../core/queue/dead-letters/dead-letter-id.ts';
import { LANES } from '../../../../protocol/limits.ts';

describe('the id of a dead letter', () => {
  it('survives being written and read', () => {
    const places = fc.record({
      lane: fc.integer({ min: 0, max: LANES - 1 }),
      offset: fc.nat({ max: 2 ** 47 - 1 }),
    });
    fc.assert(
      fc.property(fc.nat(), places, (queueId, place) => {
        expect(parseDeadLetterId(queueId, formatDeadLetterId(queueId, place))).toEqual(place);
      }),
    );
  });

  it.each([
    ['', 'nothing'],
    ['1-0', 'too few parts'],
    ['1-0-0-0', 'too many, as a delivery tag has'],
    ['2-0-0', 'of another queue'],
    ['1-00-0', 'spelled in another way'],
    ['01-0-0', 'spelled in another way'],
    ['1-0-00', 'spelled in another way'],
    ['1-A-0', 'in capitals'],
    [`1-${LANES.toString(36)}-0`, 'of a lane that there is not'],
    ['1--1-0', 'negative'],
    [' 1-0-0', 'with a space'],
  ])('is none: "%s", %s', (text) => {
    expect(parseDeadLetterId(1, text)).toBeNull();
  });
});
