/**
 * Model of scale: what a deployment asks of each class of objects, what it costs at list price, and what is too much first. All
 * figures follow from the constants below. docs/figures.md says how those that are measured were measured.
 */

import { CHUNK_BYTES } from '../../core/log/tier/object-index.ts';
import { OBJECT_BYTES } from '../../core/log/tier/sealing.ts';
import { LEAVES_MAX } from '../../core/topology/follow/spread.ts';

/** Dollars: per million, duration per million GB-seconds. */
export const PRICE = {
  rowWritten: 1,
  objectRequest: 0.15,
  workerRequest: 0.3,
  gbSecond: 12.5,
  cpuMs: 0.02,
  /** Requests to R2: those that write or list, and those that read. */
  bucketWrite: 4.5,
  bucketRead: 0.36,
};

/** Dollars for a GB and a month, in an object and in R2. */
export const GB_MONTH = { object: 0.2, bucket: 0.015 };

export const MONTH_S = 30 * 86_400;

/** Calls that one object answers in a second: the platform's soft limit. */
export const OBJECT_CALLS_MAX = 1_000;

/** Calls that one run of the cron trigger may make. */
export const CRON_CALLS_MAX = 10_000;

/** An awake object is billed for this memory, whatever it uses. */
export const OBJECT_GB = 0.128;

/** An object leaves memory when nothing has called it for so long. */
const AWAKE_S = 10;

/** Measured: a publish, a delivery and an ack of one batch each. */
export const QUEUE_BATCH = { rows: 3, calls: 3 };

/** Measured: a produce and a fetch. Appends that come together share rows; this is the most. */
export const TOPIC_BATCH = { rows: 1, calls: 2 };

/** Measured here on one queue with batches of 1,000, client and broker on two cores: more is a matter of processor time. */
export const QUEUE_MESSAGES_MAX = 130_000;

/** Measured here: 3,700 publishes of one message a second on two cores, client included. */
export const REQUEST_CPU_MS = 0.5;

/** An isolate that routes asks again at half a second on average. */
const ASKS_PER_ISOLATE = 2;

/** Each isolate asks the directory for changes. */
const DIRECTORY_ASK_S = 5;

/** A leaf asks the root, and the root the topology: at most. */
const LEAF_ASKS = 4;
const ROOT_ASKS = 4;

/** The leaves of a continent take on another when one is asked more often. */
const LEAF_CROWDED = 400;

/** The overview asks objects that have changed. */
const OVERVIEW_ROUND_S = 10;

const CRON_S = 300;

export interface Deployment {
  kind: 'queues' | 'partitions';
  /** Queues, or partitions of topics. */
  objects: number;
  messagesPerS: number;
  batch: number;
}

export interface Load {
  /** Calls of each queue or partition. */
  callsPerObject: number;
  /** Messages of each queue or partition. */
  messagesPerObject: number;
  /** Requests of the workers. */
  requests: number;
  rows: number;
  /** Of the objects, how many are in memory at a time. */
  awake: number;
}

export function loadOf({ kind, objects, messagesPerS, batch }: Deployment): Load {
  const { rows, calls } = kind === 'queues' ? QUEUE_BATCH : TOPIC_BATCH;
  const batches = messagesPerS / batch;
  const callsPerObject = (batches * calls) / objects;
  return {
    callsPerObject,
    messagesPerObject: messagesPerS / objects,
    requests: batches * calls,
    rows: batches * rows,
    // Calls that come at random leave it idle for longer than it stays with this probability.
    awake: objects * (1 - Math.exp(-callsPerObject * AWAKE_S)),
  };
}

export interface MonthlyCost {
  rows: number;
  requests: number;
  duration: number;
  cpu: number;
  total: number;
}

export function costOf(deployment: Deployment): MonthlyCost {
  const { rows, requests, awake } = loadOf(deployment);
  const dollars = (perSecond: number, price: number): number => (perSecond * MONTH_S * price) / 1_000_000;
  const cost = {
    rows: dollars(rows, PRICE.rowWritten),
    requests: dollars(requests, PRICE.objectRequest + PRICE.workerRequest),
    duration: dollars(awake * OBJECT_GB, PRICE.gbSecond),
    cpu: dollars(requests * REQUEST_CPU_MS, PRICE.cpuMs),
  };
  return { ...cost, total: cost.rows + cost.requests + cost.duration + cost.cpu };
}

/** What a partition of so many bytes costs: a month of it, and once for each time that all of it moves to the bucket or is read there. */
export interface StorageCost {
  /** A month, if all of it could stay in an object. */
  object: number;
  /** A month with a hot part. */
  tiered: number;
  /** Once: a put and a look for each object of the bucket, and three rows. Retention would pay for the rows of segments too. */
  moved: number;
  /** Once: a read for each chunk. */
  read: number;
}

export function storageCostOf(bytes: number, hotBytes: number): StorageCost {
  const hot = Math.min(bytes, hotBytes);
  const cold = bytes - hot;
  const objects = cold / OBJECT_BYTES;
  const perMillion = (count: number, price: number): number => (count * price) / 1_000_000;
  return {
    object: (bytes / 1e9) * GB_MONTH.object,
    tiered: (hot / 1e9) * GB_MONTH.object + (cold / 1e9) * GB_MONTH.bucket,
    moved:
      perMillion(objects, PRICE.bucketWrite) +
      perMillion(objects, PRICE.bucketRead) +
      perMillion(objects * ROWS_PER_OBJECT, PRICE.rowWritten),
    read: perMillion(cold / CHUNK_BYTES, PRICE.bucketRead),
  };
}

/** The note of its key, its row, and the end of the note. */
const ROWS_PER_OBJECT = 3;

/** Calls a second that isolates make beside those of messages. */
export interface RoutingLoad {
  topology: number;
  root: number;
  leaves: number;
  /** Of the busiest leaf. */
  leaf: number;
  directory: number;
}

/** @param continents among which the isolates are spread evenly */
export function routingLoadOf(isolates: number, continents: number): RoutingLoad {
  const asks = (isolates * ASKS_PER_ISOLATE) / continents;
  const isAlone = asks < 20;
  let perContinent = isAlone ? 0 : 1;
  while (perContinent > 0 && perContinent < LEAVES_MAX && asks / perContinent > LEAF_CROWDED)
    perContinent *= 2;
  const leaves = perContinent * continents;
  return {
    topology: ROOT_ASKS,
    root: isAlone ? asks * continents : leaves * LEAF_ASKS,
    leaves,
    leaf: isAlone ? 0 : asks / perContinent,
    directory: isolates / DIRECTORY_ASK_S,
  };
}

/** Calls a second, or of a run, that follow from how many objects there are. */
export function upkeepOf(objects: number): {
  overview: number;
  queueVisits: number;
  partitionVisits: number;
} {
  return {
    // A round has 1,000 objects at most in one event; with more, rounds take longer.
    overview: Math.min(objects / OVERVIEW_ROUND_S, OBJECT_CALLS_MAX / OVERVIEW_ROUND_S),
    queueVisits: (objects * CRON_S) / 3_600,
    partitionVisits: (objects * CRON_S) / 86_400,
  };
}

/** What is too much first, or null. */
export function firstLimit(deployment: Deployment): string | null {
  const { callsPerObject, messagesPerObject } = loadOf(deployment);
  const name = deployment.kind === 'queues' ? 'queue' : 'partition';
  if (callsPerObject > OBJECT_CALLS_MAX) return `calls of a ${name}`;
  if (deployment.kind === 'queues' && messagesPerObject > QUEUE_MESSAGES_MAX) return 'processor of a queue';
  return null;
}

/** How many queues or partitions such a rate needs, with half of each left. */
export function objectsFor(kind: Deployment['kind'], messagesPerS: number, batch: number): number {
  const { calls } = kind === 'queues' ? QUEUE_BATCH : TOPIC_BATCH;
  const byCalls = (OBJECT_CALLS_MAX / 2 / calls) * batch;
  const byProcessor = kind === 'queues' ? QUEUE_MESSAGES_MAX / 2 : Infinity;
  return Math.max(1, Math.ceil(messagesPerS / Math.min(byCalls, byProcessor)));
}
