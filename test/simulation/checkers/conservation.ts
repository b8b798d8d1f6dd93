import type { Checker } from './checker.ts';

/** Every message that was published is in exactly one place, whenever one looks. */
export const conservation: Checker = {
  name: 'conservation',
  promise: 'published = ready + leased + parked + settled + dead-lettered + expired + dropped',
  check: (history) =>
    history.of('state').flatMap(({ queue, state }) => {
      const { ready, leased, parked, meter } = state;
      const places =
        ready + leased + parked + meter.settled + meter.dead_lettered + meter.expired + meter.dropped;
      return places === meter.published ? [] : [`queue ${queue}: ${JSON.stringify(state)}`];
    }),
};
