/** The differences that docs/rabbitmq-differences.md lists, as far as they can be shown: what each of the two does. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { PLAIN, type QueueSettings } from './queue-generate.ts';
import type { QueueSide } from './queue-side.ts';

/** Null if the two differ as documented; otherwise what they did. */
type Check = (own: QueueSide, peer: QueueSide) => Promise<string | null>;

/** Longer than either takes to notice what has expired. */
const EXPIRY_NOTICED_MS = 3_000;

export const differenceCases: Record<string, Check> = {
  'drop-head drops the lowest priority first, RabbitMQ the head of the whole queue': expecting(
    { maxPriority: 5, maxLength: 2 },
    async (side) => {
      await side.publish(0, [{ priority: 5 }, { priority: 5 }, { priority: 0 }]);
      return await ids(side);
    },
    { own: [0, 1], peer: [1, 2] },
  ),

  'a returned message keeps its place, in a quorum queue it goes to the end': returnedInReverse(
    null,
    [3, 2, 0, 4],
  ),

  'or, in one with a delivery limit, after those returned before': returnedInReverse(5, [2, 0, 3, 4]),

  'a release is not a failure, in a quorum queue every return counts towards the limit': expecting(
    { isQuorum: true, deliveryLimit: 1 },
    async (side) => {
      await side.publish(0, [{}]);
      for (let time = 0; time < 3; time++) {
        const taken = await side.get('a', 1);
        if (taken.length > 0) await side.settle('a', [0], 'release');
      }
      return await ids(side);
    },
    { own: [0], peer: [] },
  ),

  'an expired message is never delivered, in RabbitMQ it is if its priority made it the head': expecting(
    { maxPriority: 1 },
    async (side) => {
      await side.publish(0, [{}, { priority: 1, expirationMs: 0 }]);
      return await ids(side);
    },
    { own: [0], peer: [1, 0] },
  ),

  'an expired message behind one of a higher priority goes, in RabbitMQ it waits for it': expecting(
    { maxPriority: 1 },
    async (side) => {
      await side.publish(0, [{ priority: 1 }, { expirationMs: 100 }]);
      await sleep(EXPIRY_NOTICED_MS);
      return await side.ready();
    },
    { own: 1, peer: 2 },
  ),

  'an expired message counts until it is noticed, within a second or so; RabbitMQ notices at once': expecting(
    { maxLength: 1, overflow: 'reject-publish' },
    async (side) => {
      await side.publish(0, [{ expirationMs: 0 }]);
      return await side.publish(1, [{}]);
    },
    { own: [false], peer: [true] },
  ),

  'a priority above 31 is refused, RabbitMQ counts it as the highest': expecting(
    { maxPriority: 5 },
    async (side) => {
      try {
        return await side.publish(0, [{ priority: 32 }]);
      } catch (error) {
        return /invalid_field/.test(String(error)) ? 'invalid_field' : String(error);
      }
    },
    { own: 'invalid_field', peer: [true] },
  ),
};

function returnedInReverse(deliveryLimit: number | null, peer: number[]): Check {
  return expecting(
    { isQuorum: true, deliveryLimit },
    async (side) => {
      await side.publish(0, [{}, {}, {}, {}]);
      await side.get('a', 3);
      await side.settle('a', [2], 'release');
      await side.settle('a', [0], 'release');
      // Its confirm comes after the returns, for which a quorum queue has no answer of their own.
      await side.publish(4, [{}]);
      return await ids(side);
    },
    { own: [0, 2, 3, 4], peer },
  );
}

function expecting(
  settings: Partial<QueueSettings>,
  play: (side: QueueSide) => Promise<unknown>,
  expected: { own: unknown; peer: unknown },
): Check {
  return async (own, peer) => {
    const seen: Record<string, unknown> = {};
    for (const [name, side] of Object.entries({ own, peer })) {
      await side.declare({ ...PLAIN, ...settings });
      seen[name] = await play(side);
      await side.remove();
    }
    return isDeepStrictEqual(seen, expected) ? null : JSON.stringify({ seen, expected });
  };
}

/** Of what is delivered next. */
async function ids(side: QueueSide): Promise<number[]> {
  return (await side.get('a', 100)).map(({ id }) => id);
}
