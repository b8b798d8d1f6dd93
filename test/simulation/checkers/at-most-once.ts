import type { Checker } from './checker.ts';

/** Checker: with `auto_commit`, a record is in at most one answer, to any member. */
export const atMostOnce: Checker = {
  name: 'at-most-once',
  promise: 'With auto_commit no record is given to a group twice',
  check: (history) => {
    const given = new Map<string, string>();
    return history.of('hasty-poll').flatMap(({ member, records }) =>
      records.flatMap(({ log, offset, id }) => {
        const place = `${log}/${offset}`;
        const other = given.get(place);
        given.set(place, member);
        return other === undefined ? [] : [`${place}, ${id}, was given to ${other} and to ${member}`];
      }),
    );
  },
};
