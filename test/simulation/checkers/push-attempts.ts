import { PUSHED, PUSH_ATTEMPTS } from '../workload/push/push-topology.ts';
import type { Checker } from './checker.ts';
import { deadLettersOf, isAccepted, isReleased } from './pushes.ts';

/**
 * Checker: a record has as many attempts as its schedule says, also across crashes, and what the endpoint asked to wait with is none. Where all
 * requests arrive, the attempt before was seen to fail, and a dead letter had its last attempt.
 */
export const pushAttempts: Checker = {
  name: 'push-attempts',
  promise: 'Attempts of a pushed record are counted, and there are no more than its schedule has',
  check: (history) => {
    const broken: string[] = [];
    const failed = new Map<string, number>();
    for (const push of history.of('push')) {
      if (push.subscription !== PUSHED.topic) continue;
      for (const { id, attempt, place } of push.messages) {
        const record = `${id} at ${place!.partition}/${place!.offset}`;
        if (attempt < 1 || attempt > PUSH_ATTEMPTS) broken.push(`${record} was pushed as attempt ${attempt}`);
        const before = failed.get(record) ?? 0;
        // A crash may forget the last attempt, but none that others came after.
        if (history.requestsArrive && (attempt > before + 1 || attempt < before))
          broken.push(`${record} was pushed as attempt ${attempt} after ${before} had failed`);
        if (!isAccepted(push) && !isReleased(push))
          failed.set(record, Math.max(failed.get(record) ?? 0, attempt));
      }
    }
    if (!history.requestsArrive) return broken;
    const attempts = new Map<string, number>();
    for (const [record, count] of failed) {
      const id = record.split(' ')[0]!;
      attempts.set(id, Math.max(attempts.get(id) ?? 0, count));
    }
    for (const letter of deadLettersOf(history)) {
      const [subscription, id] = letter.split(' ') as [string, string];
      if (subscription === PUSHED.topic && (attempts.get(id) ?? 0) < PUSH_ATTEMPTS)
        broken.push(`${id} is a dead letter after ${attempts.get(id) ?? 0} attempts`);
    }
    return broken;
  },
};
