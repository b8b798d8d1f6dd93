/**
 * Foreign pages: decides which requests of browsers the broker answers.
 *
 * A browser sends requests for every page that it shows, to any address that it can reach, with the credentials that it
 * keeps for that address. A broker on loopback that asks for no token is such an address, and so is a deployed one behind
 * a login by cookie. Therefore a request that comes from a page of another origin is refused, unless the origin is listed
 * or the request states a token, which only somebody who knows the token can do.
 */

import { failure, type Failure } from '../../../protocol/errors.ts';
import { isLoopbackHost } from './loopback-host.ts';

/** What a request says about where it comes from. A header that is missing is null. Only what counts is read. */
export interface BrowserRequest {
  readonly method: string;
  readonly url: string;
  readonly host: string | null;
  readonly origin: string | null;
  readonly referer: string | null;
  /** `Sec-Fetch-Site`, `-Mode` and `-Dest`: browsers set them, pages cannot (W3C, Fetch Metadata). */
  readonly fetchSite: string | null;
  readonly fetchMode: string | null;
  readonly fetchDest: string | null;
  readonly authorization: string | null;
  /** `Access-Control-Request-Method`. */
  readonly requestedMethod: string | null;
}

export interface BrowserRules {
  /** False for a broker that answers without a token. It must be on loopback. */
  readonly asksForToken: boolean;
  readonly corsOrigins: CorsOrigins;
}

/** Origins whose pages may call the broker. */
export interface CorsOrigins {
  readonly listed: ReadonlySet<string>;
  /** `*` is listed: pages of any origin may call with a token that they state. */
  readonly isAny: boolean;
}

/** What becomes of a request: it goes on, it is refused, or it is a preflight, which goes no further. */
export type Verdict = 'pass' | 'preflight' | Failure;

export function judgePage(request: BrowserRequest, rules: BrowserRules): Verdict {
  if (!rules.asksForToken && !namesThisMachine(request)) {
    return failure(
      'host_not_local',
      'without a root token the broker answers only on localhost; set POSTHORN_ROOT_TOKEN to reach it by another name',
    );
  }
  if (isPreflight(request) && mayRead(request.origin, rules)) return 'preflight';
  if (!isForeign(request) || isListed(request.origin, rules)) return 'pass';
  if (rules.asksForToken && (statesToken(request) || isFirstLook(request))) return 'pass';
  return failure(
    'foreign_page',
    'a page of another origin sent this request; list the origin in POSTHORN_CORS_ORIGINS to let its pages call',
  );
}

/** Returns true when pages of the origin may read replies. */
export function mayRead(origin: string | null, rules: BrowserRules): boolean {
  return isListed(origin, rules) || (origin !== null && rules.asksForToken && rules.corsOrigins.isAny);
}

/** A preflight is the question of a browser whether a page may send a request. */
function isPreflight(request: BrowserRequest): boolean {
  return request.method === 'OPTIONS' && request.requestedMethod !== null;
}

/** Returns the origin as browsers write it, or null for a text that is no origin. */
export function normalizeOrigin(text: string): string | null {
  const match = /^([a-z][a-z0-9+.-]*):\/\/[^\s/?#@,*]+\/?$/i.exec(text);
  if (match === null) return null;
  const { origin } = URL.parse(text) ?? { origin: 'null' };
  // Only the schemes of the web have origins in URLs; those of browser extensions are compared as they stand.
  return origin === 'null' ? text.replace(/\/$/, '').toLowerCase() : origin;
}

/** A URL with one of the names that nearly all requests have. */
const USUAL_URL = /^https?:\/\/((?:localhost|127\.0\.0\.1)(?::\d{1,5})?)\//;

/** A request names its host twice: in the URL, whose host may come from an absolute request target, and in the header. */
function namesThisMachine({ url, host }: BrowserRequest): boolean {
  if (host !== null && USUAL_URL.exec(url)?.[1] === host) return true; // without the cost of parsing
  const inUrl = URL.parse(url)?.host ?? '';
  return isLoopbackHost(inUrl) && (host === null || host === inUrl || isLoopbackHost(host));
}

/** Returns true when a header that browsers set names another origin than that of the broker. */
function isForeign(request: BrowserRequest): boolean {
  const { url, origin, fetchSite } = request;
  if (origin !== null && origin.toLowerCase() !== URL.parse(url)?.origin) return true;
  if (fetchSite !== null) return fetchSite !== 'same-origin' && fetchSite !== 'none';
  // Browsers that set neither for a form or an image say at least which page it was on.
  if (origin !== null || request.referer === null) return false;
  return URL.parse(request.referer)?.origin !== URL.parse(url)?.origin;
}

function isListed(origin: string | null, { corsOrigins }: BrowserRules): boolean {
  return origin !== null && corsOrigins.listed.has(origin.toLowerCase());
}

/** A browser adds credentials of other kinds by itself: Basic, once somebody has typed it, and cookies. */
function statesToken({ url, authorization }: BrowserRequest): boolean {
  return /^bearer /i.test(authorization ?? '') || URL.parse(url)?.searchParams.has('access_token') === true;
}

/** What anybody may see: the dashboard without its data, the health, the contract. */
const PUBLIC_PATHS = new Set(['/', '/dashboard', '/dashboard/', '/healthz', '/openapi.json']);

/** Somebody follows a link to a public page of the broker: the foreign page neither sees nor frames what comes. */
function isFirstLook({ method, url, fetchMode, fetchDest }: BrowserRequest): boolean {
  const isLink = method === 'GET' && fetchMode === 'navigate' && fetchDest === 'document';
  return isLink && PUBLIC_PATHS.has(URL.parse(url)?.pathname ?? '');
}
