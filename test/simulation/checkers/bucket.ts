import type { Checker } from './checker.ts';

/** Checker: rows and bucket agree at rest. What is to be deleted later is known too. */
export const bucket: Checker = {
  name: 'bucket',
  promise:
    'Every object that a partition names is in the bucket, and every object of the bucket is known to a partition',
  check: (history) => history.of('bucket').flatMap(({ problems }) => problems),
};
