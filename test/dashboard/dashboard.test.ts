/** The dashboard on the real runtime: its files and their headers, its login, and its main flow in a real browser. */

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Peeked } from '../../protocol/schemas/deliveries.ts';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import { startBroker, type Broker } from '../../scripts/broker/broker.ts';
import { buildDashboard, DASHBOARD_FILES } from '../../scripts/broker/dashboard.ts';
import { CHROMIUM, complaintsOf, launchBrowser } from '../support/clients/browser.ts';
import { bundleWorker } from '../support/broker/kept-bundle.ts';
import { newDataFolder } from '../support/broker/shared-broker.ts';

const TOKEN = 'the-root-token-of-the-dashboard-tests';
const GZIPPED_BYTES_MAX = 60 * 1024;

const DEAD_LETTERS = '/v1/default/queues/orders.dlq';

/** As it would be typed by somebody who means harm. */
const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>';

let broker: Broker;
let dataPath: string;

beforeAll(async () => {
  dataPath = await newDataFolder();
  const script = await bundleWorker('test/support/broker/test-worker.ts');
  broker = await startBroker({
    dataPath,
    script,
    dashboard: true,
    vars: { POSTHORN_ROOT_TOKEN: TOKEN },
  });
});

afterAll(async () => {
  await broker.stop();
  await rm(dataPath, { recursive: true, force: true });
});

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(broker.url + path, { headers });
}

function logIn(token: string, site = 'same-origin'): Promise<Response> {
  return fetch(`${broker.url}/dashboard/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': site },
    body: JSON.stringify({ token }),
  });
}

async function call<Reply>(method: string, path: string, body?: object): Promise<Reply> {
  const reply = await fetch(broker.url + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return (await reply.json()) as Reply;
}

describe('the files of the dashboard', () => {
  it('have at most 60 KB in all, gzipped', async () => {
    const folder = await buildDashboard();
    const sizes = DASHBOARD_FILES.map(async (file) => gzipSync(await readFile(join(folder, file))).length);
    expect((await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)).toBeLessThan(GZIPPED_BYTES_MAX);
  });

  it('are there for everybody, with a policy that lets no inline script run', async () => {
    for (const path of ['/', '/dashboard', '/dashboard/']) {
      const reply = await get(path);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
      const policy = reply.headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|http|data:|\*/);
      expect(reply.headers.get('x-frame-options')).toBe('DENY');
      expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
      expect(await reply.text()).not.toMatch(/<script>|https?:|style=/);
    }
    const script = await get('/dashboard/dashboard.js');
    expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(await script.text()).not.toMatch(/\beval\(|innerHTML\s*=\s*`/);
    expect((await get('/dashboard/dashboard.css')).headers.get('content-type')).toMatch(/^text\/css/);
  });

  it('are all there is below their folder', async () => {
    for (const path of ['/dashboard/index.html', '/dashboard/other.js', '/dashboard/..%2fwrangler.toml']) {
      expect((await get(path)).status).toBe(404);
    }
  });
});

describe('the session', () => {
  it('says whether it is needed', async () => {
    expect(await (await get('/dashboard/session')).json()).toEqual({ needs_token: true });
  });

  it('exchanges a token for a cookie that scripts and other sites do not get', async () => {
    const reply = await logIn(TOKEN);
    expect(reply.status).toBe(204);
    const cookie = reply.headers.get('set-cookie')!;
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    const pair = cookie.split(';')[0]!;
    const queues = (site?: string) =>
      get('/v1/default/queues', { cookie: pair, ...(site && { 'sec-fetch-site': site }) });
    expect((await queues('same-origin')).status).toBe(200);
    expect((await queues()).status).toBe(401);
    expect((await queues('none')).status).toBe(401);
    expect((await queues('same-site')).status).toBe(403);
    expect((await queues('cross-site')).status).toBe(403);
  });

  it('begins with a known token only, and from the page only', async () => {
    expect((await logIn('no such token')).status).toBe(401);
    expect((await logIn(TOKEN, 'cross-site')).status).toBe(403);
    expect((await logIn(TOKEN, 'none')).status).toBe(403);
    const reply = await get('/v1/default/queues', {
      'sec-fetch-site': 'same-origin',
      cookie: 'posthorn=%E0%A4%A',
    });
    expect(reply.status).toBe(401);
    // "Basic" would make the browser ask for a password.
    expect(reply.headers.get('www-authenticate')).toBe('Bearer realm="posthorn"');
  });

  it('ends when somebody logs out', async () => {
    const reply = await fetch(`${broker.url}/dashboard/session`, {
      method: 'DELETE',
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    expect(reply.status).toBe(204);
    expect(reply.headers.get('set-cookie')).toMatch(/^posthorn=; .*Max-Age=0$/);
  });
});

describe.skipIf(CHROMIUM === null)('the page', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(() => browser.close());

  it('finds, explains, mends and sends back a poisoned order in three clicks', async () => {
    await call('PUT', '/v1/default/queues/orders', { retry: { schedule_ms: [] } });
    await call('POST', '/v1/default/queues/orders/messages', {
      messages: [{ body: { order: 17, amount: 'ten' }, headers: { note: HOSTILE } }],
    });
    const { deliveries } = await call<{ deliveries: { delivery_tag: string }[] }>(
      'POST',
      '/v1/default/queues/orders/deliveries',
      { max: 1 },
    );
    await call('POST', '/v1/default/queues/orders/settlements', {
      reject: [
        {
          tag: deliveries[0]!.delivery_tag,
          error: { type: 'TypeError', message: `amount is no number ${HOSTILE}` },
        },
      ],
    });
    await expect
      .poll(async () => (await call<QueueWithStateReply>('GET', DEAD_LETTERS)).state?.ready)
      .toBe(1);
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    await page.goto(broker.url);
    await page.getByLabel('Token').fill(TOKEN);
    await page.keyboard.press('Enter');

    await page.getByRole('link', { name: '1 dead letter of orders' }).click();
    await page.getByText(`amount is no number ${HOSTILE}`).waitFor();
    await page.getByText(HOSTILE, { exact: true }).waitFor();
    await page.getByText('died in orders: rejected').waitFor();
    await page.getByRole('region', { name: 'Body' }).getByText('"ten"').waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Body, as JSON').fill('{"order": 17, "amount": 10}');
    await page.getByRole('button', { name: 'Send back to orders' }).click();
    await page.getByText('No dead letters.').waitFor();

    const { messages } = await call<Peeked>('GET', '/v1/default/queues/orders/messages');
    expect(messages.map(({ body }) => body)).toEqual([{ order: 17, amount: 10 }]);
    expect(await page.title()).toBe('Dead letters of orders · Posthorn');
    expect(complaints).toEqual([]);
    await page.close();
  });
});
