/** Hook message: a webhook that was verified, as the body of the produce or publish that stores it. */

import type { Need } from '../../protocol/access/scopes.ts';
import type { HeaderFields } from '../../protocol/json/header-fields.ts';
import { base64OfBytes } from '../../protocol/json/json-bytes.ts';
import { PROPERTY_LENGTH_MAX, ROUTING_KEY_BYTES_MAX } from '../../protocol/limits.ts';
import type { HookDeclaration, HookTarget } from '../../protocol/schemas/hooks.ts';
import type { DebeziumTarget } from '../../protocol/schemas/ingest.ts';
import { needsOfTarget } from '../access/reach.ts';
import { GITHUB, type HeaderOf } from './signature-parts.ts';

/** What the change capture asks for: the names of its topics come with the changes. */
const NEEDS_OF_CAPTURE: readonly Need[] = [
  { kind: 'topic', name: '*', action: 'write' },
  { kind: 'topic', name: '*', action: 'manage' },
];

/** Of a larger body the members are not looked at: parsing it would take long. */
const LOOKED_BYTES_MAX = 1024 * 1024;

const encoder = new TextEncoder();

/** What a delivery says of itself. */
export interface HookFacts {
  /** Null: it has none, or one that no property can hold. */
  readonly id: string | null;
  readonly type: string | null;
}

export function factsOfHook(
  { scheme, signature }: Pick<HookDeclaration, 'scheme' | 'signature'>,
  headerOf: HeaderOf,
  body: Uint8Array,
): HookFacts {
  if (scheme === 'github' || scheme === 'hmac') {
    const { id_header: id, type_header: type } = scheme === 'github' ? GITHUB : signature!;
    return {
      id: short(id === undefined ? undefined : headerOf(id)),
      type: short(type === undefined ? undefined : headerOf(type)),
    };
  }
  const members = membersOf(body);
  const id = scheme === 'standard' ? headerOf('webhook-id') : members['id'];
  return { id: short(id), type: short(members['type']) };
}

/**
 * Returns the JSON of the request that stores it, and the path of that request in the namespace. A delivery that was verified is stored
 * whatever it says of itself: its sender would send a refused one again and again.
 * @param hook its name: ids of different hooks are different
 */
export function storingRequest(
  hook: string,
  { target, headers, ...config }: Pick<HookDeclaration, 'target' | 'headers' | 'scheme' | 'signature'>,
  { id, type }: HookFacts,
  headerOf: HeaderOf,
  body: Uint8Array,
): { path: string; json: string | Uint8Array } {
  if ('debezium' in target) return { path: capturePath(target.debezium), json: body };
  const value = body.length === 0 ? null : { $base64: base64OfBytes(body) };
  const contentType = headerOf('content-type');
  const kept = keptHeaders([...ownHeaders(config), ...headers], headerOf);
  if ('topic' in target) {
    const key = keyOf(target, { id, type });
    const typed = { ...(contentType !== undefined && { 'content-type': contentType }), ...kept };
    const records = [{ key, value, headers: typed }];
    return { path: `/topics/${target.topic}/records`, json: JSON.stringify({ records }) };
  }
  const messageId = id === null ? null : short(`${hook}#${id}`);
  const message = {
    body: value,
    headers: kept,
    properties: {
      ...(messageId !== null && { message_id: messageId }),
      ...(short(contentType) !== null && { content_type: contentType }),
      ...(type !== null && { type }),
    },
  };
  if ('queue' in target)
    return {
      path: `/queues/${encodeURIComponent(target.queue)}/messages`,
      json: JSON.stringify({ messages: [message] }),
    };
  const routed = { ...message, routing_key: target.routing_key ?? routingKeyOf(type) ?? hook };
  return {
    path: `/exchanges/${encodeURIComponent(target.exchange)}/messages`,
    json: JSON.stringify({ messages: [routed] }),
  };
}

/** Returns what whoever makes a hook has to be allowed, and what its sender may do then. */
export function needsOfHook(target: HookTarget): readonly Need[] {
  if (!('debezium' in target)) return needsOfTarget(target);
  const { other } = target.debezium;
  return other === undefined ? NEEDS_OF_CAPTURE : [...NEEDS_OF_CAPTURE, ...needsOfTarget({ topic: other })];
}

function capturePath({ create, tombstones, ...fields }: DebeziumTarget): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, value);
  query.set('create', String(create));
  if (tombstones) query.set('tombstones', 'true');
  return `/ingest/debezium?${query.toString()}`;
}

function keyOf(target: Extract<HookTarget, { topic: string }>, facts: HookFacts): string | null {
  return target.key === 'none' ? null : facts[target.key];
}

function routingKeyOf(type: string | null): string | null {
  return type !== null && encoder.encode(type).length <= ROUTING_KEY_BYTES_MAX ? type : null;
}

/** The headers by which a scheme says what a request is. */
function ownHeaders({ scheme, signature }: Pick<HookDeclaration, 'scheme' | 'signature'>): string[] {
  switch (scheme) {
    case 'github':
      return ['x-github-event', 'x-github-delivery', 'x-github-hook-id'];
    case 'stripe':
      return [];
    case 'standard':
      return ['webhook-id', 'webhook-timestamp'];
    case 'hmac':
      return [signature!.id_header, signature!.type_header, signature!.timestamp_header].filter(
        (name) => name !== undefined,
      );
  }
}

function keptHeaders(names: readonly string[], headerOf: HeaderOf): HeaderFields {
  const kept = names.flatMap((name) => {
    const value = headerOf(name);
    return value === undefined ? [] : [[name.toLowerCase(), value] as const];
  });
  return Object.fromEntries(kept);
}

function membersOf(body: Uint8Array): Record<string, unknown> {
  if (body.length > LOOKED_BYTES_MAX) return {};
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function short(text: unknown): string | null {
  if (typeof text !== 'string' || text === '' || text.length > PROPERTY_LENGTH_MAX) return null;
  return text.isWellFormed() ? text : null;
}
