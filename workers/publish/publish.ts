/**
 * Publish through an exchange: routes by the graph, stores in every destination, and confirms when all have stored it.
 *
 * If some destinations fail, the reply is a problem that says for each message which have it and which not. Sent again
 * by a producer with the same sequence, it is stored where it was missing, and only there. Without a producer it is stored
 * again, but for queues that know its message ids within their deduplication window.
 */

import { namesByKind, type DestinationBatch } from '../../core/exchange/destination-batches.ts';
import { DEFAULT_EXCHANGE } from '../../core/exchange/exchange.ts';
import type { Env } from '../../durable-objects/env.ts';
import { errorTable, failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { PublishedMessage } from '../../protocol/schemas/exchanges.ts';
import { handOverReplies } from '../request-reply/mailbox.ts';
import { routingGraph } from '../cache/routing-cache.ts';
import { lookUpAll } from '../cache/topology-cache.ts';
import type { Outgoing, OutgoingPublish } from './outgoing.ts';
import { routeMessages } from './route-messages.ts';
import { checkDestinations, storeInDestinations, type Outcome } from './store-in-destinations.ts';

/** @param atLeast the topology version that the client has seen */
export async function publish(
  env: Env,
  namespace: string,
  exchange: string,
  { outgoing, producer }: OutgoingPublish,
  atLeast: number,
): Promise<PublishedMessage[] | Failure> {
  const range = producer ? { ...producer, exchange, count: outgoing.length } : null;
  const graph = await routingGraph(env, namespace, atLeast);
  const batches = routeMessages(graph, exchange, outgoing);
  if (isFailure(batches)) return batches;
  const definitions = await lookUpAll(env, namespace, namesByKind(batches));
  const refused = checkDestinations(batches, outgoing, definitions);
  if (refused) return refused;
  const [outcomes, replies] = await Promise.all([
    storeInDestinations(env, batches, outgoing, definitions, range),
    exchange === DEFAULT_EXCHANGE ? handOverReplies(env, namespace, outgoing) : [],
  ]);
  return summarize(outgoing, batches, outcomes, replies);
}

function summarize(
  outgoing: readonly Outgoing[],
  batches: readonly DestinationBatch[],
  outcomes: readonly Outcome[][],
  replies: readonly number[],
): PublishedMessage[] | Failure {
  const messages = outgoing.map((): PublishedMessage => ({ destinations: [] }));
  const failures = new Map<string, Failure>();
  batches.forEach(({ destination: { kind, name }, indexes }, number) => {
    indexes.forEach((index, place) => {
      const outcome = outcomes[number]![place] ?? null;
      const message = messages[index]!;
      if (outcome === null) return;
      if (isFailure(outcome)) {
        failures.set(outcome.code, outcome);
        (message.failed ??= []).push({ kind, name, code: outcome.code });
      } else {
        message.destinations.push({ kind, name, ...outcome });
      }
    });
  });
  for (const index of replies) {
    messages[index]!.destinations.push({ kind: 'reply', name: outgoing[index]!.message.routingKey });
  }
  messages.forEach((message, index) => {
    const isUnroutable = message.destinations.length === 0 && !message.failed;
    if (isUnroutable && outgoing[index]!.isMandatory) message.unroutable = true;
  });
  return failures.size === 0 ? messages : problemOfSome([...failures.values()], messages);
}

/**
 * Its code is that of a failure that no repetition can fix, or that of all failures if they are alike and nothing is
 * stored. The details give the outcome of each message.
 */
function problemOfSome(failures: readonly Failure[], messages: PublishedMessage[]): Failure {
  const [first] = failures;
  const final = failures.find(({ code }) => !errorTable[code].retryable);
  const isStored = messages.some(({ destinations }) => destinations.length > 0);
  if (final && isStored) {
    const message = `${final.message}; other destinations have stored their messages, see "messages"`;
    return { ...final, message, details: { ...final.details, messages } };
  }
  const cause = final ?? (failures.length === 1 && !isStored ? first : undefined);
  if (cause) return { ...cause, details: { ...cause.details, messages } };
  return failure(
    'publish_incomplete',
    `some destinations have not stored their messages: ${first!.message}; sent again with the same producer and sequence they are stored where they are missing, without a producer in all destinations again`,
    { messages },
  );
}
