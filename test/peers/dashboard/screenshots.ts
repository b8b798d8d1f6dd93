/**
 * Pictures of the dashboard for the documents, in `docs/images/`. It needs Debian's `chromium`.
 *
 *   npm run screenshots
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { launchBrowser } from '../../support/clients/browser.ts';
import { startSeeded } from './seed.ts';

const FOLDER = join(import.meta.dirname, '../../../docs/images');

/** Of all pictures together. */
const BYTES_MAX = 300_000;

const PICTURES: Record<string, (page: Page) => Promise<unknown>> = {
  home: (page) => page.getByText('8 dead letters').waitFor(),
  'dead-letters': async (page) => {
    await page.goto(`${new URL(page.url()).origin}/#/default/dead-letters/orders`);
    await page.getByRole('region', { name: 'Body' }).waitFor();
  },
  queue: async (page) => {
    await page.goto(`${new URL(page.url()).origin}/#/default/queues/mails`);
    await page.locator('summary').filter({ hasText: 'Hello' }).click();
    await page.getByRole('region', { name: 'Body' }).waitFor();
  },
  routing: async (page) => {
    await page.goto(`${new URL(page.url()).origin}/#/default/routing/shop`);
    await page.getByLabel('Routing key').fill('order.paid');
    await page.getByRole('button', { name: 'Try' }).click();
    await page.getByText('It would be stored in').waitFor();
    await page.evaluate('document.querySelector("h2").scrollIntoView()');
  },
  topic: async (page) => {
    await page.goto(`${new URL(page.url()).origin}/#/default/topics/clicks`);
    await page.getByText('/products/').first().click();
    await page.getByRole('article').waitFor();
  },
};

const { broker, stop } = await startSeeded();
const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 900, height: 620 } });
  await page.goto(broker.url);
  let bytes = 0;
  for (const [name, open] of Object.entries(PICTURES)) {
    await open(page);
    const path = join(FOLDER, `dashboard-${name}.png`);
    await page.screenshot({ path });
    bytes += (await stat(path)).size;
  }
  console.log(`${Object.keys(PICTURES).length} pictures with ${bytes} bytes are in docs/images`);
  if (bytes > BYTES_MAX) process.exitCode = 1;
} finally {
  await browser.close();
  await stop();
}
