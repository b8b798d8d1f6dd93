/**
 * A binding is an edge of the routing graph: it takes messages from an exchange to a queue, a topic or another exchange.
 * Two declarations with the same source, destination, routing key and arguments are one binding, as in RabbitMQ
 * (https://www.rabbitmq.com/docs/publishers, and `binding` in its `rabbit.hrl`); its id is derived from just these, so
 * that declaring twice is harmless wherever it happens.
 */

import { canonicalJson, type Json } from './canonical-json.ts';

export type DestinationKind = 'queue' | 'exchange' | 'topic';

export interface Destination {
  readonly kind: DestinationKind;
  readonly name: string;
}

export type BindingArguments = { readonly [name: string]: Json };

export interface BindingDeclaration {
  /** The exchange that messages come from. */
  readonly source: string;
  readonly destination: Destination;
  /** What it means is up to the exchange's type: a key, a pattern, a weight, or nothing. */
  readonly routing_key: string;
  /** Only the headers exchange reads them, but they are part of the identity everywhere. */
  readonly arguments: BindingArguments;
}

export interface Binding extends BindingDeclaration {
  /** 22 characters of `A-Z a-z 0-9 - _`: see `bindingId`. */
  readonly id: string;
}

/** SHA-256 of some bytes: 32 bytes. The caller hands in the platform's. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export function makeBinding(declaration: BindingDeclaration, sha256: Sha256): Binding {
  return { id: bindingId(declaration, sha256), ...declaration };
}

/**
 * The first 128 bits of the SHA-256 of the four parts, in base64url. A hash because arguments may be longer than a path
 * can carry; a cryptographic one because the parts are the caller's, and two bindings with one id would be lost mail.
 */
export function bindingId(
  { source, destination, routing_key, arguments: args }: BindingDeclaration,
  sha256: Sha256,
): string {
  const identity = canonicalJson([source, destination.kind, destination.name, routing_key, args]);
  return base64Url(sha256(new TextEncoder().encode(identity)).subarray(0, 16));
}

export function idOf({ id }: Binding): string {
  return id;
}

/** One string a destination, distinct across kinds: no kind contains a slash. */
export function destinationKey({ kind, name }: Destination): string {
  return `${kind}/${name}`;
}

function base64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
