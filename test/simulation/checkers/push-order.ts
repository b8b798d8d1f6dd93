import type { History } from '../history.ts';
import { PUSHED } from '../workload/push/push-topology.ts';
import type { Checker } from './checker.ts';
import { deadLettersOf, isAccepted } from './pushes.ts';

/**
 * Checker: a message of a key is pushed when all before it of that key are done: accepted by then, or dead letters in the end. For
 * records the order is that of offsets, for messages that of confirmed publishes.
 */
export const pushOrder: Checker = {
  name: 'push-order',
  promise: 'Per key, messages are pushed in order, each when those before it are done',
  check: (history) => {
    const before = { ...recordsBefore(history), ...messagesBefore(history) };
    const dead = deadLettersOf(history);
    const accepted = new Set<string>();
    const broken: string[] = [];
    for (const push of history.of('push')) {
      const names = push.messages.map(({ id }) => `${push.subscription} ${id}`);
      names.forEach((name, index) => {
        const own = new Set(names.slice(0, index)); // in the order of the request
        for (const earlier of before[name] ?? [])
          if (!accepted.has(earlier) && !dead.has(earlier) && !own.has(earlier))
            broken.push(`${name} was pushed before ${earlier} of its key was done`);
      });
      if (isAccepted(push)) for (const name of names) accepted.add(name);
    }
    return broken;
  },
};

type Before = Record<string, string[]>;

/** Of each record, those of its key with smaller offsets that were pushed. A record that was stored twice is two of them. */
function recordsBefore(history: History): Before {
  const places = new Map<string, { id: string; key: string; partition: number; offset: number }>();
  for (const { subscription, messages } of history.of('push')) {
    if (subscription !== PUSHED.topic) continue;
    for (const { id, key, place } of messages)
      if (key !== null && place) places.set(`${place.partition}/${place.offset}`, { id, key, ...place });
  }
  const twice = new Set(
    [...Map.groupBy(places.values(), ({ id }) => id)].flatMap(([id, copies]) =>
      copies.length > 1 ? [id] : [],
    ),
  );
  const once = [...places.values()].filter(({ id }) => !twice.has(id));
  return before(
    once.map(({ id, key, partition, offset }) => ({
      name: `${PUSHED.topic} ${id}`,
      key: `${partition} ${key}`,
      begin: offset,
      end: offset,
    })),
  );
}

/** Of each message, those of its key that were confirmed before it was sent. */
function messagesBefore(history: History): Before {
  const sent = history
    .of('publish')
    .filter(({ queue, copies }) => queue === PUSHED.queue && copies === 1)
    .flatMap(({ messages, begin, end }) =>
      messages.flatMap(({ id, key, outcome }, index) => {
        if (key === null || outcome !== 'stored') return [];
        // Those of one request are in its order.
        return [
          {
            name: `${PUSHED.queue} ${id}`,
            key,
            begin: begin + index / 1_000,
            end: end + index / 1_000,
            request: begin,
          },
        ];
      }),
    );
  return before(sent);
}

interface Sent {
  name: string;
  key: string;
  begin: number;
  end: number;
  request?: number;
}

function before(sent: readonly Sent[]): Before {
  const result: Before = {};
  for (const ofKey of Map.groupBy(sent, ({ key }) => key).values())
    for (const later of ofKey)
      result[later.name] = ofKey
        .filter(
          (earlier) =>
            earlier.end < later.begin ||
            (earlier.request !== undefined &&
              earlier.request === later.request &&
              earlier.begin < later.begin),
        )
        .map(({ name }) => name);
  return result;
}
