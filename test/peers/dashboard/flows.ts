/**
 * The flows of the dashboard in a real Chromium, each on a broker with something to see. Exits with 1 if one fails.
 * `npm test` runs the main flow only. It needs Debian's `chromium`.
 *
 *   npm run peer:dashboard -- [part of a name|another]
 */

import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { Peeked } from '../../../protocol/schemas/deliveries.ts';
import { complaintsOf, launchBrowser } from '../../support/clients/browser.ts';
import { openPage, PAGES, sectionFlows } from './section-flows.ts';
import { fillWithDeadLetters, startSeeded, type Seeded } from './seed.ts';

type Flow = (page: Page, seeded: Seeded) => Promise<void>;

const MANY = 10_000;

/** An interaction that takes longer is felt. The machine of a test may be busy, so only much longer ones fail. */
const FELT_MS = 100;
const SLOW_MS = 1_000;

/** Until something is there. */
const PAINT_MS = 1_000;

const flows: Record<string, Flow> = {
  'home shows what is wrong, without a login': async (page) => {
    await page.getByRole('link', { name: /dead letters of orders/ }).waitFor();
    await page.getByRole('link', { name: /invoices is paused/ }).waitFor();
    await page.getByRole('link', { name: /mails has no consumer/ }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Log out' }).count(), 0);
  },

  'a queue is paused, resumed, tried with a message, and purged after its name is typed': async (
    page,
    { call },
  ) => {
    await page.getByRole('link', { name: 'mails', exact: true }).click();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('It is paused: nothing is delivered.').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.getByText('Publish a test message').click();
    await page.getByLabel('Body: JSON, or else a text').fill('{"to": "b"}');
    await page.getByLabel(/^Headers: a line each/).fill('tenant: acme');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('It is stored.').waitFor();
    const { messages } = await call<Peeked>('GET', 'queues/mails/messages');
    assert.deepEqual(messages[1]!.body, { to: 'b' });
    assert.deepEqual(messages[1]!.headers, { tenant: 'acme' });
    await page.getByRole('button', { name: 'Purge' }).click();
    const dialog = page.getByRole('dialog');
    assert.equal(await dialog.getByRole('button', { name: 'Purge' }).isDisabled(), true);
    await dialog.getByRole('textbox').fill('mails');
    await page.keyboard.press('Enter');
    await page.getByText('2 messages removed.').waitFor();
  },

  'dead letters of one error are replayed, with progress': async (page, { call }) => {
    await page.getByRole('link', { name: /dead letters of orders/ }).click();
    await page.getByText('amount is no number: "ten"').first().waitFor();
    await page.getByRole('button', { name: 'Replay all with TypeError' }).click();
    await page.getByText('Replay done: 8 messages moved').waitFor();
    await page.getByText('No dead letters.').waitFor();
    const { messages } = await call<Peeked>('GET', 'queues/orders/messages?max=100');
    assert.equal(messages.length, 8);
  },

  'selected dead letters are replayed alone': async (page, { call }) => {
    await page.getByRole('link', { name: /dead letters of orders/ }).click();
    for (const index of [1, 4]) await page.getByRole('checkbox').nth(index).check();
    await page.getByRole('button', { name: 'Replay selected (2)' }).click();
    await page.getByText('Replay done: 2 messages moved').waitFor();
    await page.getByText('6 dead letters').waitFor();
    const { messages } = await call<Peeked>('GET', 'queues/orders/messages?max=100');
    assert.deepEqual(
      messages.map(({ body }) => (body as { order: number }).order),
      [1703, 1712],
    );
  },

  'a topic shows its records, finds them by key, and follows live': async (page, { call }) => {
    await page.getByRole('link', { name: 'clicks', exact: true }).click();
    await page.getByText('/products/').first().waitFor();
    await page.getByLabel('Key is').fill('no such key');
    await page.getByText('No record matches.').waitFor();
    await page.getByLabel('Key is').fill('');
    await page.getByLabel('Live').check();
    await call('POST', 'topics/clicks/records', {
      records: [{ partition: 1, value: 'fresh news' }],
    });
    await page.getByText('fresh news').waitFor();
  },

  'a body of 1 MB and one of bytes do not freeze the page': async (page, { call }) => {
    await call('POST', 'queues/thumbnails/messages', {
      messages: [
        { body: 'x'.repeat(1_000_000) },
        { body: { $base64: Buffer.from([0, 255, 1, 254]).toString('base64') } },
      ],
    });
    await page.getByRole('link', { name: 'thumbnails', exact: true }).click();
    await page.locator('summary').filter({ hasText: 'xxxx' }).click();
    await quick(page, 'show all', async () => {
      await page.getByRole('button', { name: 'Show all (1.0 MB)' }).click();
      await page.getByRole('button', { name: 'Show all (1.0 MB)' }).waitFor({ state: 'detached' });
    });
    await page.locator('summary').filter({ hasText: '0x00 ff 01 fe' }).click();
    await page.getByText('00000000  00 ff 01 fe').waitFor();
  },

  'a broker that is gone is told, and the page comes back by itself': async (page) => {
    await page.getByText('mails has no consumer').waitFor();
    await page.route('**/v1/**', (route) => route.abort());
    await page.getByText('The broker does not answer. This page tries again by itself.').waitFor();
    await page.unroute('**/v1/**');
    await page
      .getByText('The broker does not answer. This page tries again by itself.')
      .waitFor({ state: 'detached' });
  },

  'ten thousand queues are there at once, and searched': async (page) => {
    const many = Array.from({ length: MANY }, (_, n) => `many-${n}`);
    // As many names as the broker would list, in pages as it would: to make them takes minutes.
    await page.route(/\/v1\/default\/queues(\?|$)/, async (route) => {
      const query = new URL(route.request().url()).searchParams;
      if (query.has('include')) return await route.fallback(); // of those in view
      const from = query.has('after') ? many.indexOf(query.get('after')!) + 1 : 0;
      const names = many.slice(from, from + Number(query.get('limit') ?? 1_000));
      const queues = names.map((queue) => ({ queue, dead_letter: 'none' }));
      const next = from + names.length < many.length ? { next: names.at(-1) } : {};
      await route.fulfill({ json: { queues, ...next } });
    });
    await page.reload();
    await page.getByRole('link', { name: 'many-0' }).waitFor();
    const paints = await page.evaluate<number[]>(
      `performance.getEntriesByType('paint').map(({ startTime }) => startTime)`,
    );
    told('first paint', Math.min(...paints), PAINT_MS);
    await page.getByText('10,000', { exact: true }).waitFor();
    const rows = page.getByRole('table', { name: 'Queues' }).getByRole('row');
    assert.ok((await rows.count()) < 60, 'only rows in view are in the document');
    told('search', await answerMs(page, 'Search', 'many-9999', 'many-9999'), FELT_MS);
    told('search of many', await answerMs(page, 'Search', 'many-', 'many-0'), FELT_MS);
  },

  'a hundred thousand dead letters are grouped, walked through and chosen': async (page, seeded) => {
    await fillWithDeadLetters(seeded);
    const startMs = performance.now();
    await page.goto(`${new URL(page.url()).origin}/#/default/dead-letters/returns`);
    await page.getByText('of 100,000 in returns.dlq').waitFor();
    told('the page', performance.now() - startMs, PAINT_MS);
    for (const count of [600, 1_100, 1_600]) {
      await page.getByRole('button', { name: 'Load more' }).click();
      await page.getByText(`${count.toLocaleString('en')} dead letters`).waitFor();
    }
    const rows = page.getByRole('table', { name: 'Letters' }).getByRole('row');
    assert.ok((await rows.count()) < 60, 'only rows in view are in the document');
    told(
      'another error',
      await clickMs(page, 'nav[aria-label="Errors"] li:nth-child(3) button', 'h2'),
      FELT_MS,
    );
    told('another letter', await clickMs(page, '.space .row:nth-child(4) button', 'h2'), FELT_MS);
    await page.getByRole('button', { name: /^NotFound/ }).click();
    await page.getByText('no such customer').waitFor();
    await page.getByRole('button', { name: 'Replay all with NotFound' }).click();
    await page.getByText(/Replay (running|done)/).waitFor();
  },

  'it fits a phone': async (page) => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const path of Object.keys(PAGES)) {
      await openPage(page, path);
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      assert.ok(width <= 360, `${path || 'home'} is ${width} px wide`);
    }
  },
};

async function quick(page: Page, what: string, act: () => Promise<void>): Promise<void> {
  const startMs = await page.evaluate<number>('performance.now()');
  await act();
  const ms = (await page.evaluate<number>('performance.now()')) - startMs;
  console.log(`  ${what}: ${ms.toFixed(0)} ms${ms > FELT_MS ? ', which is felt' : ''}`);
  assert.ok(ms < SLOW_MS, `${what} takes ${ms} ms`);
}

/** The time from a keystroke to the frame that shows its answer, in ms, as the page itself sees it. */
async function answerMs(page: Page, label: string, typed: string, shown: string): Promise<number> {
  await page.getByLabel(label).fill('');
  return await page.evaluate<number>(`new Promise((resolve) => {
    const labels = [...document.querySelectorAll('label')];
    const field = labels.find((each) => each.textContent.trim().startsWith('${label}')).querySelector('input');
    const startMs = performance.now();
    field.value = '${typed}';
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    const look = () => {
      const first = document.querySelector('[aria-label="Queues"] .space a');
      if (first?.textContent === '${shown}') resolve(performance.now() - startMs);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  })`);
}

/** The time from a click to the frame after the page has answered it, in ms. @param shown what has to be there then */
async function clickMs(page: Page, button: string, shown: string): Promise<number> {
  return await page.evaluate<number>(`new Promise((resolve) => {
    const startMs = performance.now();
    const target = document.querySelector(${JSON.stringify(button)});
    const before = document.querySelector('article')?.textContent;
    target.click();
    const look = () => {
      const isAnswered = document.querySelector('article')?.textContent !== before;
      if (isAnswered && document.querySelector('${shown}')) resolve(performance.now() - startMs);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  })`);
}

function told(what: string, ms: number, goalMs: number): void {
  console.log(`  ${what}: ${ms.toFixed(0)} ms${ms > goalMs ? `, which is more than ${goalMs}` : ''}`);
  assert.ok(ms < 10 * goalMs, `${what} takes ${ms} ms`);
}

/** Parts of names, with a bar between them. */
const wanted = (process.argv[2] ?? '').split('|');
const browser = await launchBrowser();
let failed = 0;
for (const [name, flow] of Object.entries({ ...flows, ...sectionFlows }).filter(([each]) =>
  wanted.some((part) => each.includes(part)),
)) {
  const seeded = await startSeeded();
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = complaintsOf(page);
  try {
    await page.goto(seeded.broker.url);
    await flow(page, seeded);
    assert.deepEqual(complaints, []);
    console.log(`✓ ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`✗ ${name}\n${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await page.close();
    await seeded.stop();
  }
}
await browser.close();
process.exitCode = failed === 0 ? 0 : 1;
