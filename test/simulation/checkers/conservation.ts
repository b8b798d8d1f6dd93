import type { Checker } from './checker.ts';

/** Checker: every published message is in exactly one state at any time. */
export const conservation: Checker = {
  name: 'conservation',
  promise: 'published = ready + leased + parked + settled + dead-lettered + expired + dropped + replayed',
  check: (history) =>
    history.of('state').flatMap(({ queue, state }) => {
      const { ready, leased, parked, meter } = state;
      const { settled, dead_lettered: died, expired, dropped, replayed } = meter;
      const places = ready + leased + parked + settled + died + expired + dropped + replayed;
      return places === meter.published ? [] : [`queue ${queue}: ${JSON.stringify(state)}`];
    }),
};
