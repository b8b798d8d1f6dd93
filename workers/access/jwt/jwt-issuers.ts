/** JWT issuers: whose JWTs the broker takes, from the setting `POSTHORN_JWT`. */

import * as z from '../../../protocol/zod.ts';
import type { ScopeReading } from '../../../core/access/jwt-scopes.ts';
import type { Env } from '../../../durable-objects/env.ts';

/** Signatures with a public key only. With HS256, whoever knows the public key could sign; `none` signs nothing. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

const LEEWAY_S_DEFAULT = 30;
const LEEWAY_S_MAX = 300;
const ISSUERS_MAX = 10;

/** Where issuers publish their keys, unless the setting says it. Cloudflare Access has a place of its own. */
const KEYS_PATH = '/.well-known/jwks.json';
const ACCESS_KEYS_PATH = '/cdn-cgi/access/certs';

const texts = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((value) => [value].flat());

const issuerSchema = z.strictObject({
  /** As the claim `iss` has it. */
  issuer: z.url(),
  /** The claim `aud` must hold one of them. Required: otherwise a JWT for another service would be good here. */
  audience: texts,
  jwks_url: z.url().optional(),
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(ALGORITHMS),
  leeway_s: z.number().min(0).max(LEEWAY_S_MAX).default(LEEWAY_S_DEFAULT),
  /** With dots, a claim within a claim. Default: `scope`, or `scp` if there is none. */
  scopes_claim: z.string().min(1).optional(),
  scope_prefix: z.string().default(''),
  scope_aliases: z.record(z.string(), texts).default({}),
  default_scopes: z.array(z.string()).default([]),
});

const settingSchema = z.union([issuerSchema, z.array(issuerSchema).min(1).max(ISSUERS_MAX)]);

export interface JwtIssuer extends ScopeReading {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly keysUrl: string;
  readonly algorithms: readonly string[];
  readonly leewayS: number;
  /** The way to the claim. Empty: the usual claims. */
  readonly scopesClaim: readonly string[];
}

let known: { setting: unknown; issuers: ReadonlyMap<string, JwtIssuer> } | undefined;

/** By the claim `iss`. A setting that is wrong lets nobody in, and the log says what is wrong with it. */
export function issuersOf({ POSTHORN_JWT: setting }: Env): ReadonlyMap<string, JwtIssuer> {
  if (known === undefined || known.setting !== setting) known = { setting, issuers: readIssuers(setting) };
  return known.issuers;
}

function readIssuers(setting: unknown): ReadonlyMap<string, JwtIssuer> {
  if (setting === undefined || setting === '') return new Map();
  const read = settingSchema.safeParse(typeof setting === 'string' ? parse(setting) : setting);
  if (!read.success) {
    console.error(`POSTHORN_JWT cannot be read, and no JWT is taken: ${z.prettifyError(read.error)}`);
    return new Map();
  }
  const issuers = [read.data].flat().map((fields) => ({
    issuer: fields.issuer,
    audience: fields.audience,
    keysUrl: fields.jwks_url ?? keysUrlOf(fields.issuer),
    algorithms: fields.algorithms,
    leewayS: fields.leeway_s,
    scopesClaim: fields.scopes_claim?.split('.') ?? [],
    prefix: fields.scope_prefix,
    aliases: fields.scope_aliases,
    defaults: fields.default_scopes,
  }));
  return new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function keysUrlOf(issuer: string): string {
  const path = new URL(issuer).hostname.endsWith('.cloudflareaccess.com') ? ACCESS_KEYS_PATH : KEYS_PATH;
  return issuer.replace(/\/$/, '') + path;
}
