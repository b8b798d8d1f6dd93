/** Steps: the parts that single calls have in one commit of a queue. */

import type { StepContext, StoredQueue } from './stored-queue.ts';

/** One call's part of a commit. Publishes come first, so that what a commit brings can be delivered by it. */
export interface Step {
  order: 'publish' | 'settle' | 'deliver';
  run: (queue: StoredQueue, context: StepContext) => unknown;
}

/** Commits the steps. Returns their results, in the order in which the steps were given. */
export function commitSteps(queue: StoredQueue, steps: readonly Step[], context: StepContext): unknown[] {
  const results = new Array<unknown>(steps.length);
  const runAll = (order: Step['order']): void =>
    steps.forEach((step, index) => {
      if (step.order === order) results[index] = step.run(queue, context);
    });
  queue.commit(() => {
    runAll('publish');
    queue.store();
    runAll('settle');
    runAll('deliver');
  });
  return results;
}
