/**
 * JWT scopes: reads the scope strings of a JWT as rights in namespaces. They are those of RabbitMQ's OAuth 2 plugin
 * (https://www.rabbitmq.com/docs/oauth2#scope-translation), and a few more:
 *
 *   <action>:<namespace>/<name>            read:shop/orders*   write:shop/*   configure:*\/*   view:shop/queue:mails
 *   <action>:<namespace>/<kind>:<name>     the same for one kind of resource
 *   role:<namespace>/<role>                role:shop/operator
 *   tag:administrator                      role `admin` in every namespace; `tag:monitoring`: roles `viewer` and `metrics`;
 *                                          `tag:management`: role `viewer`
 *
 * `configure` is RabbitMQ's word for `manage`. Namespace and name are exact, or a prefix that ends with `*`. A string that
 * says something else grants nothing: another service may share the issuer, and to guess would be to grant.
 */

import {
  ACTIONS,
  RESOURCE_KINDS,
  ROLES,
  SCOPES_OF_ROLE,
  type Action,
  type ResourceKind,
  type Role,
  type Scope,
} from '../../protocol/access/scopes.ts';
import { isWideName } from '../../protocol/names/name-rule.ts';

/** Rights in the namespaces that a pattern names. */
export interface Grant {
  /** Exact, or a prefix that ends with `*`. */
  readonly namespace: string;
  readonly scopes: readonly Scope[];
}

/** How the scope strings of an issuer are read. */
export interface ScopeReading {
  /** What every scope string of this broker begins with, such as `posthorn.`; others are not its own. */
  readonly prefix: string;
  /** Scope strings by what the issuer says instead, such as the name of a group. */
  readonly aliases: Readonly<Record<string, readonly string[]>>;
  /** Scope strings of everybody who has a valid JWT. */
  readonly defaults: readonly string[];
}

/** Strings that are looked at in one JWT: a hostile issuer cannot make a call slow. */
const STRINGS_MAX = 500;
const STRING_LENGTH_MAX = 600;

const TAGS: ReadonlyMap<string, readonly Role[]> = new Map([
  ['administrator', ['admin']],
  ['monitoring', ['viewer', 'metrics']],
  ['management', ['viewer']],
]);

/** @param claim what the JWT says: scope strings with spaces between them, or a list of them */
export function grantsOf(claim: unknown, { prefix, aliases, defaults }: ScopeReading): Grant[] {
  const own = stringsOf(claim).flatMap((text) => {
    const meant = Object.hasOwn(aliases, text) ? aliases[text]! : null;
    if (meant !== null) return meant;
    return text.startsWith(prefix) ? [text.slice(prefix.length)] : [];
  });
  return [...defaults, ...own].flatMap((text) => grantOf(text) ?? []);
}

/** The scopes that the grants give in a namespace. */
export function scopesIn(grants: readonly Grant[], namespace: string): Scope[] {
  return grants.filter((grant) => covers(grant.namespace, namespace)).flatMap(({ scopes }) => scopes);
}

/** The one namespace that all grants name; null if there are several, or none, or patterns. */
export function onlyNamespace(grants: readonly Grant[]): string | null {
  const names = new Set(grants.map(({ namespace }) => namespace));
  const [only] = names;
  return names.size === 1 && !only!.endsWith('*') ? only! : null;
}

function stringsOf(claim: unknown): string[] {
  const texts =
    typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? (claim as unknown[]) : [];
  return texts
    .slice(0, STRINGS_MAX)
    .filter((text) => typeof text === 'string')
    .filter((text) => text !== '' && text.length <= STRING_LENGTH_MAX);
}

/** Returns what one string grants; null if it is not understood. */
export function grantOf(text: string): Grant | null {
  const [, word = '', rest = ''] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  if (word === 'tag') return grantOfRoles('*', TAGS.get(rest));
  const parts = rest.split('/');
  if (parts.length !== 2 && !(parts.length === 3 && parts[2] === '*')) return null;
  const [first, name] = parts as [string, string];
  const namespace = decode(first);
  if (namespace === null || !isPattern(namespace)) return null;
  if (word === 'role')
    return grantOfRoles(
      namespace,
      ROLES.filter((role) => role === name),
    );
  const action = word === 'configure' ? 'manage' : ACTIONS.find((one) => one === word);
  if (action === undefined) return null;
  const scope = scopeOf(name, action);
  return scope && { namespace, scopes: [scope] };
}

function grantOfRoles(namespace: string, roles: readonly Role[] = []): Grant | null {
  const scopes = roles.flatMap((role) => SCOPES_OF_ROLE[role]);
  return scopes.length === 0 ? null : { namespace, scopes };
}

function scopeOf(text: string, action: Action): Scope | null {
  // A colon in a name is %3A.
  const colon = text.indexOf(':');
  const kind = colon < 0 ? '*' : RESOURCE_KINDS.find((one: ResourceKind) => one === text.slice(0, colon));
  const name = decode(text.slice(colon + 1));
  if (kind === undefined || name === null || !isNamePattern(name)) return null;
  return { kind, name, actions: [action] };
}

/** RabbitMQ's patterns may have `*` anywhere; here only at the end. */
function isPattern(text: string): boolean {
  return /^[^*\s/:]+\*?$|^\*$/.test(text);
}

/** The same for what may have a wide name. */
function isNamePattern(text: string): boolean {
  return isWideName(text) && !text.slice(0, -1).includes('*');
}

/** As in RabbitMQ, parts are percent-encoded: a `/` in a name is `%2F`. An encoded `*` is no pattern there, and has no form here. */
function decode(part: string): string | null {
  if (/%2a/i.test(part)) return null;
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

function covers(pattern: string, namespace: string): boolean {
  return pattern.endsWith('*') ? namespace.startsWith(pattern.slice(0, -1)) : pattern === namespace;
}
