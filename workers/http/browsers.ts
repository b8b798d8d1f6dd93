/** Browsers at the door: refuses foreign pages, answers preflights, and sets the security headers of every reply. */

import type { Context, Hono, MiddlewareHandler } from 'hono';
import {
  judgePage,
  mayRead,
  normalizeOrigin,
  type BrowserRequest,
  type BrowserRules,
  type CorsOrigins,
} from '../../core/access/browsers/foreign-page.ts';
import type { Env } from '../../durable-objects/env.ts';
import { EXPOSED_HEADERS, JSON_TYPE } from '../../protocol/headers/media-types.ts';
import type { AppEnv } from './context.ts';
import { problem } from './problem.ts';
import { isOpenToAll } from './identity/root-secrets.ts';

/** Those that a reply may set itself: it keeps its own value. */
const OWN_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['cache-control', 'no-store'],
  [
    'content-security-policy',
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ],
];

const SECURITY_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
];

/** How long a browser may remember the answer to a preflight, in s: Chromium's ceiling. */
const PREFLIGHT_S = '7200';

const METHODS = 'GET, HEAD, PUT, POST, PATCH, DELETE';

/** Names of headers with commas between them. */
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, -]{1,2000}$/;

export function browserGuard(app: Hono<AppEnv>): void {
  app.use(guard);
}

const guard: MiddlewareHandler<AppEnv> = async (c, next) => {
  const request = new RequestHead(c.req.raw);
  const rules = rulesOf(c.env);
  const verdict = judgePage(request, rules);
  if (verdict === 'pass') {
    const jsonReply = request.origin === null ? replyWithAll(c, rules.jsonHeaders) : () => null;
    await next();
    if (c.res === jsonReply()) return;
  } else c.res = verdict === 'preflight' ? allowRequest(c.req.raw.headers) : problem(c, verdict);
  const reply = withHeaders(c.res, mayRead(request.origin, rules) ? request.origin : null, rules);
  c.res = undefined; // assigning over a reply would merge the headers of both
  c.res = reply;
};

/**
 * Lets handlers reply with JSON that has all headers from the start, which takes less than half of the time. A reply with headers of
 * its own is made as usual. Returns what returns the reply that was made so.
 */
function replyWithAll(c: Context<AppEnv>, headers: Headers): () => Response | null {
  const { json, header } = c;
  let reply: Response | null = null;
  Object.assign(c, {
    json: (value: object, status = 200) => (reply = new Response(JSON.stringify(value), { status, headers })),
    header: (...given: Parameters<typeof header>) => {
      Object.assign(c, { json, header });
      header(...given);
    },
  });
  return () => reply;
}

/** Reads what is asked of it: nearly all requests come from no browser, and each header costs. */
class RequestHead implements BrowserRequest {
  readonly method: string;
  readonly url: string;
  readonly origin: string | null;
  readonly #headers: Headers;

  constructor({ method, url, headers }: Request) {
    this.method = method;
    this.url = url;
    this.origin = headers.get('origin');
    this.#headers = headers;
  }

  get host(): string | null {
    return this.#headers.get('host');
  }
  get referer(): string | null {
    return this.#headers.get('referer');
  }
  get fetchSite(): string | null {
    return this.#headers.get('sec-fetch-site');
  }
  get fetchMode(): string | null {
    return this.#headers.get('sec-fetch-mode');
  }
  get fetchDest(): string | null {
    return this.#headers.get('sec-fetch-dest');
  }
  get authorization(): string | null {
    return this.#headers.get('authorization');
  }
  get requestedMethod(): string | null {
    return this.#headers.get('access-control-request-method');
  }
}

function allowRequest(asked: Headers): Response {
  const headers = new Headers({
    'access-control-allow-methods': METHODS,
    'access-control-max-age': PREFLIGHT_S,
  });
  const names = asked.get('access-control-request-headers') ?? '';
  if (HEADER_NAMES.test(names)) headers.set('access-control-allow-headers', names);
  // Chromium asks this before a page of the internet calls an address of the local network.
  if (asked.get('access-control-request-private-network') === 'true') {
    headers.set('access-control-allow-private-network', 'true');
  }
  return new Response(null, { status: 204, headers });
}

/** Replies of objects cannot be changed, so they are copied. */
function withHeaders(reply: Response, reader: string | null, rules: BrowserRules): Response {
  try {
    setHeaders(reply.headers, reader, rules);
    return reply;
  } catch {
    const copy = new Response(reply.body, reply);
    setHeaders(copy.headers, reader, rules);
    return copy;
  }
}

function setHeaders(headers: Headers, reader: string | null, { corsOrigins }: BrowserRules): void {
  for (const [name, value] of OWN_HEADERS) if (!headers.has(name)) headers.set(name, value);
  for (const [name, value] of SECURITY_HEADERS) headers.set(name, value);
  if (corsOrigins.isAny || corsOrigins.listed.size > 0) headers.append('vary', 'origin');
  if (reader === null) return;
  headers.set('access-control-allow-origin', reader);
  headers.set('access-control-expose-headers', EXPOSED_HEADERS);
}

interface KnownRules extends BrowserRules {
  configured: string | undefined;
  /** Of a reply in JSON that no page reads. */
  jsonHeaders: Headers;
}

let rules: KnownRules | undefined;

/** Read once for each isolate. */
function rulesOf(env: Env): KnownRules {
  const configured = env.POSTHORN_CORS_ORIGINS;
  const asksForToken = !isOpenToAll(env);
  if (rules?.configured !== configured || rules?.asksForToken !== asksForToken) {
    const jsonHeaders = new Headers({ 'content-type': JSON_TYPE });
    rules = { configured, asksForToken, corsOrigins: readOrigins(configured ?? ''), jsonHeaders };
    setHeaders(jsonHeaders, null, rules);
  }
  return rules;
}

function readOrigins(configured: string): CorsOrigins {
  const texts = configured
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  const listed = new Set<string>();
  for (const text of texts.filter((entry) => entry !== '*')) {
    const origin = normalizeOrigin(text);
    if (origin === null) console.error(`POSTHORN_CORS_ORIGINS: "${text}" is not an origin and is ignored`);
    else listed.add(origin);
  }
  return { listed, isAny: texts.includes('*') };
}
