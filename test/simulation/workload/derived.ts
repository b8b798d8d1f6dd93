/**
 * What follows from a record of `orders` or `invoices`: known from its id alone, to those who transform as to the checkers.
 * An order makes one or two invoices and perhaps a message; every second of those makes an order again, which makes nothing.
 *
 * An id is unique for each attempt: `<parent>><index>~<operation>` of a record, `<parent>!<index>~<operation>` of a message.
 */

import { TOPICS } from './topology.ts';

export const TRANSFORMED = ['orders', 'invoices'];

export interface Derived {
  to: 'record' | 'queue' | 'exchange';
  /** What it is known by, whichever attempt made it. */
  key: string;
  /** Of a record. */
  topic: string;
  partition: number;
}

export function derivedFrom(topic: string, id: string): Derived[] {
  const depth = id.split('>').length - 1;
  const hash = hashOf(id);
  const isOrder = topic === 'orders';
  const other = isOrder ? 'invoices' : 'orders';
  const count = isOrder ? (depth === 0 ? 1 + (hash % 2) : 0) : hash % 2;
  const derived = Array.from({ length: count }, (_, index): Derived => {
    const key = `${id}>${index}`;
    return { to: 'record', key, topic: other, partition: hashOf(key) % TOPICS[other]!.partitions };
  });
  if (isOrder && hash % 5 < 2) {
    const to = hash % 5 === 0 ? 'queue' : 'exchange';
    derived.push({ to, key: `${id}!0`, topic: '', partition: 0 });
  }
  return derived;
}

export const attemptId = (key: string, operation: string): string => `${key}~${operation}`;

/** Without the attempt; null for what follows from nothing. */
export function keyOf(id: string): string | null {
  const at = id.lastIndexOf('~');
  return at < 0 ? null : id.slice(0, at);
}

/** The id of the record that one follows from; null for what follows from nothing. */
export function parentOf(id: string): string | null {
  const key = keyOf(id);
  return key === null ? null : key.slice(0, Math.max(key.lastIndexOf('>'), key.lastIndexOf('!')));
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
