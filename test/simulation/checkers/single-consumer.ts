import { configOf } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/** If one consumer at a time is active, nobody is given a message while another one holds one. */
export const singleConsumer: Checker = {
  name: 'single-consumer',
  promise: 'A queue with a single active consumer serves one at a time',
  check: (history) => {
    if (!history.clocksAgree) return [];
    const broken: string[] = [];
    const ended = new Map<string, number>();
    const note = (key: string, at: number): void =>
      void ended.set(key, Math.min(at, ended.get(key) ?? Infinity));
    for (const { begin, settlements } of history.of('settle'))
      for (const { tag } of settlements) note(tag, begin);
    for (const { begin, consumer } of history.of('leave')) note(consumer, begin);
    for (const [queue, events] of Map.groupBy(history.of('deliver'), (event) => event.queue)) {
      if (!configOf(queue).single_active_consumer) continue;
      const held = events.flatMap((event) =>
        event.deliveries.map(({ tag, expiresMs }) => ({
          tag,
          event,
          fromMs: expiresMs! - event.leaseMs,
          untilMs: expiresMs!,
          end: Math.min(ended.get(tag) ?? Infinity, ended.get(event.consumer) ?? Infinity),
        })),
      );
      for (const one of held) {
        for (const other of held) {
          const { consumer } = one.event;
          if (other.event.consumer === consumer) continue;
          const isHeld = one.fromMs <= other.fromMs && other.fromMs < one.untilMs;
          if (isHeld && one.end > other.event.end)
            broken.push(
              `queue ${queue} gave ${other.tag} to ${other.event.consumer} while ${consumer} held ${one.tag}`,
            );
        }
      }
    }
    return broken;
  },
};
