import type { Checker } from './checker.ts';

/**
 * Checker: when faults have ended, every queue can be emptied. No valid request is refused as invalid, or with a 500.
 */
export const liveness: Checker = {
  name: 'liveness',
  promise: 'When faults end, everything that waits is delivered; right requests are not refused',
  check: (history) => [
    ...history.of('state').flatMap(({ queue, isFinal, state }) => {
      const { ready, leased, parked, outgoing } = state;
      const isStuck = isFinal && ready + leased + parked + outgoing > 0;
      return isStuck ? [`queue ${queue} cannot be emptied: ${JSON.stringify(state)}`] : [];
    }),
    ...history.of('fetch').flatMap(({ topic, partition, isFinal, stable, high }) => {
      const isStuck = isFinal && stable !== null && stable < high;
      return isStuck ? [`partition ${topic}/${partition} is stable up to ${stable} only, of ${high}`] : [];
    }),
    ...history.of('odd').map(({ what }) => what),
  ],
};
