import type { History } from '../history.ts';
import type { BindingChanged, BindingFields, Routed } from '../queue-history.ts';
import { FEATURE_EXCHANGES, STATIC_BINDINGS } from '../workload/queue-topology.ts';
import type { Checker } from './checker.ts';

/** No router uses a view of the bindings that is older, in ms; if clocks jump back it does so for longer. */
const VIEW_MS_MAX = 1_000;
const VIEW_MS_MAX_WITH_CLOCKS = 3_000;

/** A binding of which it is known whether it was there while a message was routed; or not. */
interface Known {
  binding: BindingFields;
  isSure: boolean;
}

/**
 * The destinations of a confirmed message are what the bindings say: all that were bound throughout, and none that was not.
 * Written from the rules of AMQP alone, without the product's tables.
 */
export const routing: Checker = {
  name: 'routing',
  promise: 'A confirmed message goes to every destination that is bound, and to no other',
  check: (history) => {
    const broken: string[] = [];
    const changes = [
      ...Map.groupBy(history.of('binding'), ({ binding }) => JSON.stringify(binding)).values(),
    ];
    const hashed = new Map<string, string>();
    for (const event of history.of('route')) {
      if (event.outcome !== 'ok') continue;
      const bindings = [
        ...STATIC_BINDINGS.map((binding) => ({ binding, isSure: true })),
        ...changes.flatMap((ofBinding) => presence(history, ofBinding, event) ?? []),
      ];
      for (const message of event.messages) {
        const found = new Set(message.destinations);
        const say = (what: string): void =>
          void broken.push(
            `${message.id}, sent to ${event.exchange} with key "${message.routingKey}", went to ${[...found].join(', ') || 'nobody'}: ${what}`,
          );
        if (event.exchange === 'x-hash') {
          const [only] = found;
          const before = hashed.get(message.routingKey);
          if (found.size !== 1) say('expected one');
          else if (before !== undefined && before !== only) say(`${before} had the key before`);
          else hashed.set(message.routingKey, only!);
          continue;
        }
        const { must, may } = routes(event.exchange, message, bindings);
        for (const one of must) if (!found.has(one)) say(`${one} is bound`);
        for (const one of found) if (!may.has(one)) say(`${one} is not bound`);
        if (message.isUnroutable !== (message.isMandatory && found.size === 0)) say('and was told otherwise');
      }
    }
    return broken;
  },
};

/** Null if the binding was surely not there. */
function presence(history: History, changes: readonly BindingChanged[], event: Routed): Known | null {
  const made = changes.filter(({ what }) => what === 'bind');
  const removed = changes.filter(({ what }) => what === 'unbind');
  const { binding } = changes[0]!;
  if (made.every(({ begin }) => begin > event.end)) return null;
  const isRemoved = removed.some((one) => isSeen(history, one, event));
  // A request to bind that is still on its way may come after the one to unbind.
  const isStillComing = made.some(({ outcome, copies }) => outcome !== 'ok' || copies > 1);
  if (isRemoved && !isStillComing) return null;
  const isMade = made.some((one) => isSeen(history, one, event));
  return { binding, isSure: isMade && removed.every(({ begin }) => begin > event.end) };
}

/** True if every router has to know of the change by the time the message comes. */
function isSeen(history: History, { outcome, end, version }: BindingChanged, event: Routed): boolean {
  if (outcome !== 'ok' || end > event.begin) return false;
  if (version <= event.seenVersion) return true;
  const ageMs = history.msAt(event.begin) - history.msAt(end);
  return ageMs > (history.clocksAgree ? VIEW_MS_MAX : VIEW_MS_MAX_WITH_CLOCKS);
}

function routes(
  start: string,
  message: { routingKey: string; headers: Record<string, string> },
  bindings: readonly Known[],
): { must: Set<string>; may: Set<string> } {
  const walk = (isCautious: boolean): Set<string> => {
    const found = new Set<string>();
    const asked = new Set([start]);
    for (const exchange of asked) {
      const taking = bindings.filter(({ binding }) => binding.source === exchange && takes(binding, message));
      const sure = taking.filter(({ isSure }) => isSure);
      for (const { binding } of isCautious ? sure : taking) {
        const { kind, name } = binding.destination;
        if (kind === 'exchange') asked.add(name);
        else found.add(`${kind}/${name}`);
      }
      const { alternate_exchange: alternate } = FEATURE_EXCHANGES[exchange] as {
        alternate_exchange?: string;
      };
      const isTaken = isCautious ? taking.length > 0 : sure.length > 0;
      if (alternate !== undefined && !isTaken) asked.add(alternate);
    }
    return found;
  };
  return { must: walk(true), may: walk(false) };
}

function takes(
  { source, routing_key: pattern, arguments: args }: BindingFields,
  { routingKey, headers }: { routingKey: string; headers: Record<string, string> },
): boolean {
  const { type } = FEATURE_EXCHANGES[source] as { type: string };
  if (type === 'fanout') return true;
  if (type === 'direct') return pattern === routingKey;
  if (type === 'topic')
    return matchesWords(pattern.split('.'), routingKey === '' ? [] : routingKey.split('.'));
  const conditions = Object.entries(args).filter(([name]) => !name.startsWith('x-'));
  const isMet = ([name, value]: [string, string]): boolean => headers[name] === value;
  return args['x-match'] === 'any' ? conditions.some(isMet) : conditions.every(isMet);
}

function matchesWords([first, ...rest]: readonly string[], words: readonly string[]): boolean {
  if (first === undefined) return words.length === 0;
  if (first === '#')
    return matchesWords(rest, words) || (words.length > 0 && matchesWords([first, ...rest], words.slice(1)));
  const [word, ...others] = words;
  return word !== undefined && (first === '*' || first === word) && matchesWords(rest, others);
}
