/** A publish within a transaction: checked and routed as any other, and handed to the transaction instead of its destinations. */

import type { z } from 'zod';
import { namesByKind } from '../../core/exchange/destination-batches.ts';
import { addressedBatches } from '../../core/topology/routing/destination-addresses.ts';
import type { HeldPublish } from '../../durable-objects/rpc/transaction.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { exchangeNameOf } from '../../protocol/schemas/exchanges.ts';
import { TRANSACTION_PLACES_LENGTH_MAX, TRANSACTION_PUBLISH_BYTES_MAX } from '../../protocol/limits.ts';
import { encodeBatch } from '../../protocol/record-batch/index.ts';
import type { TraceContext } from '../../protocol/headers/trace-context.ts';
import type {
  TransactionMessagesReply,
  transactionMessagesSchema,
} from '../../protocol/schemas/transactions.ts';
import { newProducerId } from '../produce/producer-ids.ts';
import { routingGraph } from '../cache/routing-cache.ts';
import { lookUpAll, lookUpQueue } from '../cache/topology-cache.ts';
import { callTransaction } from '../calls/transaction-call.ts';
import { outgoingFromJson } from './outgoing.ts';
import { recordsForQueue } from './queue-batches.ts';
import { routeMessages } from './route-messages.ts';
import { checkDestinations } from './store-in-destinations.ts';
import { noteFull } from '../access/quotas/full-namespaces.ts';
import { publishLimitsOf } from '../access/directory-cache.ts';

type Fields = z.output<typeof transactionMessagesSchema>;
type Routed = Pick<HeldPublish, 'shares' | 'bytes'> & { unroutable: number[] };

/**
 * @param trace the context of the request, for messages without one
 * @param atLeast the topology version that the client has seen
 */
export async function publishInTransaction(
  env: Env,
  namespace: string,
  transactionalId: string,
  fields: Fields,
  trace: TraceContext | null,
  atLeast: number,
): Promise<TransactionMessagesReply | Failure> {
  const { producer, sequence, messages } = fields;
  const routed =
    fields.queue === undefined
      ? await routedByExchange(env, namespace, fields, trace, atLeast)
      : await routedToQueue(env, namespace, fields.queue, fields, trace, atLeast);
  if (isFailure(routed)) return routed;
  const { unroutable, ...held } = routed;
  if (held.bytes.length > TRANSACTION_PUBLISH_BYTES_MAX) {
    return failure(
      'transaction_too_large',
      `the messages have ${held.bytes.length} bytes; a publish within a transaction may have ${TRANSACTION_PUBLISH_BYTES_MAX}`,
      { bytes_max: TRANSACTION_PUBLISH_BYTES_MAX },
    );
  }
  const placesLength = JSON.stringify(held.shares).length;
  if (placesLength > TRANSACTION_PLACES_LENGTH_MAX) {
    return failure(
      'transaction_too_large',
      'the messages go to too many destinations for one publish within a transaction; send several',
      { places_length: placesLength, places_length_max: TRANSACTION_PLACES_LENGTH_MAX },
    );
  }
  const toTopic = held.shares.some(({ destination }) => destination.kind === 'topic');
  const topicProducerId = toTopic ? await newProducerId(env, namespace) : null;
  const publish: HeldPublish = { ...held, sequence, count: messages.length };
  const refused = await callTransaction(env, namespace, transactionalId, (stub) =>
    stub.addMessages(transactionalId, producer, publish, topicProducerId, publishLimitsOf(namespace)),
  );
  noteFull(namespace, refused);
  return refused ?? { count: messages.length, unroutable };
}

async function routedToQueue(
  env: Env,
  namespace: string,
  name: string,
  { messages }: Fields,
  trace: TraceContext | null,
  atLeast: number,
): Promise<Routed | Failure> {
  const found = await lookUpQueue(env, namespace, name, atLeast);
  if (isFailure(found)) return found;
  const records = recordsForQueue(messages, trace, Date.now());
  if (isFailure(records)) return records;
  const { id, version } = found.queue;
  const destination = { kind: 'queue' as const, place: { namespace, name, id }, version };
  return { bytes: encodeBatch(records), shares: [{ destination, indexes: null }], unroutable: [] };
}

async function routedByExchange(
  env: Env,
  namespace: string,
  { exchange: written, messages }: Fields,
  trace: TraceContext | null,
  atLeast: number,
): Promise<Routed | Failure> {
  const exchange = exchangeNameOf(written!);
  const read = outgoingFromJson({ messages }, exchange, trace, Date.now());
  if (isFailure(read)) return read;
  const { outgoing } = read;
  const shares = routeMessages(await routingGraph(env, namespace, atLeast), exchange, outgoing);
  if (isFailure(shares)) return shares;
  const definitions = await lookUpAll(env, namespace, namesByKind(shares));
  const refused = checkDestinations(shares, outgoing, definitions);
  if (refused) return refused;
  const keyOf = (index: number): Uint8Array | null => outgoing[index]!.record.key;
  const keyless = (partitions: number): number => Math.floor(Math.random() * partitions);
  const addressed = shares.flatMap((share) => addressedBatches(definitions, share, keyOf, keyless));
  const taken = new Set(shares.flatMap(({ indexes }) => indexes));
  return {
    bytes: encodeBatch(outgoing.map(({ record }) => record)),
    shares: addressed.map(({ destination, indexes }) => ({
      destination,
      indexes: indexes.length === outgoing.length ? null : indexes,
    })),
    unroutable: outgoing.flatMap(({ isMandatory }, index) =>
      isMandatory && !taken.has(index) ? [index] : [],
    ),
  };
}
