/**
 * The consistent-hash exchange: each message goes to one destination, chosen by the hash of its routing key or of a
 * header, so that equal keys stay together. A binding's routing key is its weight, an integer from 1, as in RabbitMQ's
 * `rabbitmq_consistent_hash_exchange`; a destination's share is its weight over the sum of all.
 *
 * The choice is weighted rendezvous hashing (Thaler and Ravishankar 1998; the weights as in Schindelhauer and Schomaker
 * 2005): every destination draws a number from the key and its own name, and the largest of
 *
 *   score = -weight / ln(u),   u = hash(key, destination) in (0, 1)
 *
 * wins. A destination that comes takes keys only to itself, one that goes gives up only its own, a weight that
 * changes moves only the difference, and the order in which bindings were made means nothing. RabbitMQ numbers its
 * buckets in that order (jump hash), so there a removal from the middle moves keys of others. The price is that a
 * message looks at every destination of the exchange; there is one a consumer, so tens.
 *
 * Which destination a key gets is stable across versions, and is not RabbitMQ's: its hash is Erlang's.
 */

import { failure, type Failure } from '../../../protocol/errors.ts';
import { murmur2 } from '../../../protocol/murmur2.ts';
import { destinationKey, type Binding, type Destination } from '../binding.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { BindingIndex, RoutedMessage } from '../exchange.ts';

/** Far above any ratio that makes sense, and sums of weights stay exact. */
export const WEIGHT_MAX = 1_000_000;

interface Contender {
  readonly destination: Destination;
  /** Its `destinationKey`, which decides between equal scores. */
  readonly key: string;
  /** Two independent hashes of its key. */
  readonly seedA: number;
  readonly seedB: number;
  /** The weights of its bindings together. Zero: it goes. */
  weight: number;
}

export class ConsistentHashIndex implements BindingIndex {
  /** By destination key: several bindings to one destination add up. */
  readonly #contenders = new Map<string, Contender>();
  /** The header that is hashed; null: the routing key. */
  readonly #hashHeader: string | null;

  constructor(hashHeader: string | null) {
    this.#hashHeader = hashHeader;
  }

  add({ destination, routing_key }: Binding): void {
    const key = destinationKey(destination);
    let contender = this.#contenders.get(key);
    if (contender === undefined) {
      contender = { destination, key, ...seedsOf(key), weight: 0 };
      this.#contenders.set(key, contender);
    }
    contender.weight += weightOf(routing_key);
  }

  remove({ destination, routing_key }: Binding): void {
    const key = destinationKey(destination);
    const contender = this.#contenders.get(key);
    if (contender === undefined) return;
    contender.weight -= weightOf(routing_key);
    if (contender.weight <= 0) this.#contenders.delete(key);
  }

  match(message: RoutedMessage, visit: (destination: Destination) => void): void {
    const hash = hashOf(this.#hashed(message));
    let winner: Contender | null = null;
    let highest = -1;
    for (const contender of this.#contenders.values()) {
      const score = -contender.weight / Math.log(draw(hash, contender));
      if (score < highest || (score === highest && contender.key > winner!.key)) continue;
      winner = contender;
      highest = score;
    }
    if (winner !== null) visit(winner.destination);
  }

  /** Messages without the header have the same hash and stay together, as in RabbitMQ. */
  #hashed({ routingKey, headers }: RoutedMessage): string {
    if (this.#hashHeader === null) return routingKey;
    if (!Object.hasOwn(headers, this.#hashHeader)) return '';
    const value = headers[this.#hashHeader]!;
    return typeof value === 'string' ? value : canonicalJson(value);
  }
}

/** What is wrong with the routing key of a binding, or null. RabbitMQ asks the same, without an upper limit. */
export function checkWeight(routingKey: string): Failure | null {
  const weight = weightOf(routingKey);
  if (weight >= 1 && weight <= WEIGHT_MAX) return null;
  return failure(
    'invalid_field',
    `the routing key of a binding to a consistent-hash exchange is its weight, 1 to ${WEIGHT_MAX}, not "${routingKey}"`,
  );
}

/** NaN if it is not a decimal integer. */
function weightOf(routingKey: string): number {
  return /^[0-9]+$/.test(routingKey) ? Number(routingKey) : Number.NaN;
}

function hashOf(text: string): number {
  return murmur2(new TextEncoder().encode(text));
}

function seedsOf(key: string): { seedA: number; seedB: number } {
  const seedA = hashOf(key);
  return { seedA, seedB: mix(hashOf(`${key}#`) ^ Math.imul(seedA, 0x9e3779b1)) };
}

/** Two rounds, because one would make the draws of two destinations differ by a constant before mixing. */
function draw(hash: number, { seedA, seedB }: Contender): number {
  return ((mix(mix(hash ^ seedA) + seedB) >>> 0) + 0.5) / 2 ** 32;
}

/** The finalizer of MurmurHash3 (Austin Appleby, public domain): each bit of the input flips half of the output. */
function mix(word: number): number {
  let hash = word ^ (word >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
