/** What several checkers of subscriptions ask of a history. */

import type { History, Pushed } from '../history.ts';
import { PUSHED } from '../workload/push/push-topology.ts';

export const isAccepted = ({ status }: Pushed): boolean => status !== null && status >= 200 && status < 300;

/** Answers that ask to wait, or to stop: no attempt of the message. */
export const isReleased = ({ status }: Pushed): boolean => status === 429 || status === 503 || status === 410;

/** `<subscription> <id>` of what became a dead letter. */
export function deadLettersOf(history: History): Set<string> {
  const letters = new Set<string>();
  for (const { queue, deliveries } of history.of('deliver')) {
    const from = [PUSHED.queue, PUSHED.topic].find((name) => queue === `${name}.dlq`);
    if (from !== undefined) for (const { id } of deliveries) letters.add(`${from} ${id}`);
  }
  return letters;
}
