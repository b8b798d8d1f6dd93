/** Which requests of browsers pass: tables of headers, and the headers of a real browser. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  judgePage,
  mayRead,
  normalizeOrigin,
  type BrowserRequest,
  type BrowserRules,
} from '../../../../core/access/browsers/foreign-page.ts';

const OWN = 'http://127.0.0.1:8787';
const APP = 'https://app.example';

const rules = (asksForToken: boolean, ...origins: string[]): BrowserRules => ({
  asksForToken,
  corsOrigins: { listed: new Set(origins.filter((one) => one !== '*')), isAny: origins.includes('*') },
});

function requestOf(
  headers: Record<string, string> = {},
  path = '/v1/default/queues',
  method = 'POST',
): BrowserRequest {
  const host = headers['host'] ?? '127.0.0.1:8787';
  return {
    method,
    url: `${headers['scheme'] ?? 'http'}://${host}${path}`,
    host,
    origin: headers['origin'] ?? null,
    referer: headers['referer'] ?? null,
    fetchSite: headers['sec-fetch-site'] ?? null,
    fetchMode: headers['sec-fetch-mode'] ?? null,
    fetchDest: headers['sec-fetch-dest'] ?? null,
    authorization: headers['authorization'] ?? null,
    requestedMethod: headers['access-control-request-method'] ?? null,
  };
}

function verdictOf(request: BrowserRequest, of: BrowserRules): string {
  const verdict = judgePage(request, of);
  return typeof verdict === 'string' ? verdict : verdict.code;
}

describe('a broker without a token', () => {
  it.each<[what: string, headers: Record<string, string>, verdict: string]>([
    ['curl', {}, 'pass'],
    ['a page of the broker', { origin: OWN, 'sec-fetch-site': 'same-origin' }, 'pass'],
    ['a page of the broker without Origin', { 'sec-fetch-site': 'same-origin' }, 'pass'],
    ['an address that somebody typed', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, 'pass'],
    ['a page of the broker in an old browser', { referer: `${OWN}/` }, 'pass'],
    ['its own origin in capitals', { host: 'LOCALHOST:8787', origin: 'http://LOCALHOST:8787' }, 'pass'],
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 'foreign_page'],
    ['Origin alone', { origin: 'https://evil.example' }, 'foreign_page'],
    ['Sec-Fetch-Site alone', { 'sec-fetch-site': 'cross-site' }, 'foreign_page'],
    ['another port', { origin: 'http://127.0.0.1:3000', 'sec-fetch-site': 'same-site' }, 'foreign_page'],
    ['another port without Origin', { 'sec-fetch-site': 'same-site' }, 'foreign_page'],
    ['another name of this machine', { origin: 'http://localhost:8787' }, 'foreign_page'],
    ['another scheme', { origin: 'https://127.0.0.1:8787' }, 'foreign_page'],
    ['a sandboxed frame', { origin: 'null' }, 'foreign_page'],
    ['a sandboxed frame in capitals', { origin: 'NULL' }, 'foreign_page'],
    ['an empty Origin', { origin: '' }, 'foreign_page'],
    ['two Origins', { origin: `${OWN}, https://evil.example` }, 'foreign_page'],
    ['an unknown relation', { 'sec-fetch-site': 'sibling' }, 'foreign_page'],
    ['two relations', { 'sec-fetch-site': 'same-origin, cross-site' }, 'foreign_page'],
    [
      'a page of the broker that another site sent on',
      { origin: OWN, 'sec-fetch-site': 'cross-site' },
      'foreign_page',
    ],
    ['a form of another page in an old browser', { referer: 'https://evil.example/page' }, 'foreign_page'],
    ['a token, which nobody can have', { origin: APP, authorization: 'Bearer ph_x' }, 'foreign_page'],
    [
      'a rebound name',
      { host: 'evil.example:8787', origin: 'http://evil.example:8787', 'sec-fetch-site': 'same-origin' },
      'host_not_local',
    ],
    ['a rebound name without anything else', { host: 'evil.example:8787' }, 'host_not_local'],
    ['all interfaces', { host: '0.0.0.0:8787' }, 'host_not_local'],
    [
      'a link to it',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      'foreign_page',
    ],
    ['a preflight of another site', { origin: APP, 'access-control-request-method': 'PUT' }, 'foreign_page'],
  ])('%s', (_, headers, verdict) => {
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE']) {
      expect(verdictOf(requestOf(headers, '/v1/default/queues', method), rules(false))).toBe(verdict);
      expect(verdictOf(requestOf(headers, '/healthz', method), rules(false, '*'))).toBe(verdict);
    }
  });

  it('looks at the host of an absolute request target and at the header', () => {
    const evil = { ...requestOf(), url: 'http://evil.example/v1/default/queues' };
    expect(verdictOf(evil, rules(false))).toBe('host_not_local');
    expect(verdictOf({ ...requestOf(), host: 'evil.example' }, rules(false))).toBe('host_not_local');
    expect(verdictOf({ ...requestOf(), host: null }, rules(false))).toBe('pass');
  });

  it('lets pages of listed origins call', () => {
    const listed = rules(false, APP, 'http://localhost:3000');
    expect(verdictOf(requestOf({ origin: APP, 'sec-fetch-site': 'cross-site' }), listed)).toBe('pass');
    expect(verdictOf(requestOf({ origin: 'http://localhost:3000' }), listed)).toBe('pass');
    expect(verdictOf(requestOf({ origin: 'http://app.example' }), listed)).toBe('foreign_page');
    expect(verdictOf(requestOf({ origin: `${APP}.evil.example` }), listed)).toBe('foreign_page');
    expect(verdictOf(requestOf({ origin: APP, host: 'evil.example' }), listed)).toBe('host_not_local');
    const preflight = requestOf(
      { origin: APP, 'access-control-request-method': 'PUT' },
      '/nowhere',
      'OPTIONS',
    );
    expect(verdictOf(preflight, listed)).toBe('preflight');
    expect(verdictOf({ ...preflight, host: 'evil.example' }, listed)).toBe('host_not_local');
  });

  it('refuses whatever a real browser sends from a hostile page', () => {
    const text = readFileSync(join(import.meta.dirname, 'vectors/chromium-156.jsonl'), 'utf8');
    const seen = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { method: string; path: string; headers: Record<string, string> });
    expect(seen.length).toBeGreaterThanOrEqual(60);
    for (const { method, path, headers } of seen) {
      expect(verdictOf(requestOf(headers, path, method), rules(false))).toBe('foreign_page');
      // What a browser adds to it by itself is no token.
      const basic = { ...headers, authorization: 'Basic dG9rZW46cGhfeA==' };
      expect(verdictOf(requestOf(basic, path, method), rules(true))).toBe('foreign_page');
    }
  });
});

describe('a broker that asks for a token', () => {
  const HOST = { host: 'broker.example', scheme: 'https' };
  it.each<[what: string, headers: Record<string, string>, path: string, verdict: string]>([
    ['any host', {}, '/v1/default/queues', 'pass'],
    [
      'its own page',
      { origin: 'https://broker.example', 'sec-fetch-site': 'same-origin' },
      '/v1/default/queues',
      'pass',
    ],
    [
      'a page that states a token',
      { origin: APP, authorization: 'Bearer ph_x' },
      '/v1/default/queues',
      'pass',
    ],
    [
      'a socket that states a token',
      { origin: APP },
      '/v1/default/queues/q/stream?access_token=ph_x',
      'pass',
    ],
    [
      'what a browser adds by itself',
      { origin: APP, authorization: 'Basic cGg6eA==' },
      '/v1/default/queues',
      'foreign_page',
    ],
    ['a page that states nothing', { origin: APP }, '/v1/default/queues', 'foreign_page'],
    [
      'an image',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      '/v1/default/queues',
      'foreign_page',
    ],
  ])('%s', (_, headers, path, verdict) => {
    expect(verdictOf(requestOf({ ...HOST, ...headers }, path, 'GET'), rules(true))).toBe(verdict);
  });

  it('shows public pages to somebody who follows a link, and nothing else', () => {
    const link = {
      ...HOST,
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    for (const path of ['/', '/healthz', '/openapi.json?x=1'])
      expect(verdictOf(requestOf(link, path, 'GET'), rules(true))).toBe('pass');
    for (const path of [
      '/v1/default/queues',
      '/%761/default/queues',
      '//v1/default/queues',
      '/admin/v1/tokens',
      '/metrics',
    ])
      expect(verdictOf(requestOf(link, path, 'GET'), rules(true))).toBe('foreign_page');
    expect(verdictOf(requestOf(link, '/', 'POST'), rules(true))).toBe('foreign_page');
    expect(verdictOf(requestOf({ ...link, 'sec-fetch-dest': 'iframe' }, '/', 'GET'), rules(true))).toBe(
      'foreign_page',
    );
  });

  it('lets pages of any origin call with a token when `*` is listed, but not without one', () => {
    const any = rules(true, '*');
    expect(mayRead(APP, any)).toBe(true);
    expect(
      verdictOf(
        requestOf({ ...HOST, origin: APP, 'access-control-request-method': 'PUT' }, '/', 'OPTIONS'),
        any,
      ),
    ).toBe('preflight');
    expect(verdictOf(requestOf({ ...HOST, origin: APP, authorization: 'bearer x' }), any)).toBe('pass');
    expect(verdictOf(requestOf({ ...HOST, origin: APP }), any)).toBe('foreign_page');
    expect(mayRead(APP, rules(false, '*'))).toBe(false);
    expect(mayRead(null, any)).toBe(false);
  });
});

it.each([
  ['https://app.example', 'https://app.example'],
  ['HTTPS://App.Example/', 'https://app.example'],
  ['https://app.example:443', 'https://app.example'],
  ['http://localhost:3000', 'http://localhost:3000'],
  ['http://[::1]:3000', 'http://[::1]:3000'],
  ['chrome-extension://AbC', 'chrome-extension://abc'],
  ['null', null],
  ['app.example', null],
  ['https://app.example/path', null],
  ['https://*.example', null],
  ['https://a:b@app.example', null],
  ['https://', null],
  ['', null],
])('reads the origin %s as %s', (text, origin) => expect(normalizeOrigin(text)).toBe(origin));
