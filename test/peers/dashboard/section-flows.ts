/** Flows of the pages beside queues, dead letters and topics, and the rules of accessibility on every page. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import type { Peeked } from '../../../protocol/schemas/deliveries.ts';
import type { Seeded } from './seed.ts';

type Flow = (page: Page, seeded: Seeded) => Promise<void>;

/** Every page, and what is there when it has loaded. */
export const PAGES: Readonly<Record<string, string>> = {
  '': '8 dead letters of orders',
  '/queues/mails': 'looking takes none',
  '/dead-letters/orders': 'amount is no number: "ten"',
  '/topics/clicks': '/products/',
  '/routing/shop': 'Where would this go?',
  '/routing/amq.default': 'The default exchange sends',
  '/groups/reports': 'Time to catch up',
  '/subscriptions/shipping': 'No request was made yet.',
  '/hooks/repository': '/v1/default/hooks/repository',
  '/schedules/nightly': 'Publish now',
  '/transactions': 'Each transactional producer has one id.',
  '/transactions/nobody': 'there is no transactional id',
  '/alerts/deep': 'Every queue that it matches has it.',
  '/policies/limits': 'Every queue that it matches has it.',
  '/access': 'Namespaces',
  '/cost': 'of 100,000 rows in this hour',
};

export async function openPage(page: Page, path: string): Promise<void> {
  await page.goto(`${new URL(page.url()).origin}/#/default${path}`);
  await page.getByText(PAGES[path]!).first().waitFor();
}

export const sectionFlows: Record<string, Flow> = {
  'no page breaks a rule of accessibility, in light and in dark': async (page) => {
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const broken: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const path of Object.keys(PAGES)) {
        await openPage(page, path);
        for (const summary of await page.locator('main summary').all()) await summary.click();
        await page.evaluate(axe);
        const found = await page.evaluate<string[]>(
          `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => [id, target, failureSummary].join(' '))))`,
        );
        broken.push(...found.map((each) => `${path || 'home'} in ${colorScheme}: ${each}`));
      }
    }
    assert.deepEqual(broken, []);
  },

  'the pages are reached by the keyboard alone': async (page) => {
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    const routing = page.getByRole('link', { name: 'Routing' });
    for (let presses = 0; presses < 20; presses++) {
      if (await routing.evaluate((link) => link === link.ownerDocument.activeElement)) break;
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Routing' }).waitFor();
    assert.equal(await routing.getAttribute('aria-current'), 'page');
    await page.waitForFunction(`document.activeElement?.tagName === 'MAIN'`);
  },

  'a route is drawn, tried without a publish, and explained': async (page, { call }) => {
    await openPage(page, '/routing/shop');
    const graph = page.getByRole('region', { name: 'Graph of shop' });
    for (const name of ['orders', 'mails', 'countries', 'thumbnails'])
      await graph.getByText(name, { exact: true }).waitFor();
    await page.getByLabel('Routing key').fill('order.paid');
    await page.getByRole('button', { name: 'Try' }).click();
    await page.getByText('It would be stored in 4 places:').waitFor();
    await page.getByLabel('Routing key').fill('parcel.de');
    await page.keyboard.press('Enter');
    await page.getByText('countries, bound to shop: thumbnails').waitFor();
    const { messages } = await call<Peeked>('GET', 'queues/thumbnails/messages');
    assert.deepEqual(messages, []);
    await page.goto(`${new URL(page.url()).origin}/#/default/routing/countries`);
    await page.getByLabel('Routing key').fill('nowhere');
    await page.getByRole('button', { name: 'Try' }).click();
    await page.getByText('Nowhere: no binding takes it.').waitFor();
    await page.getByRole('button', { name: 'Unbind' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('thumbnails');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing is bound to it').waitFor();
  },

  'a group shows who owns what, and its offsets are moved after a look': async (page, { call }) => {
    await openPage(page, '/groups/reports');
    const rows = page.getByRole('table', { name: 'Offsets' }).getByRole('row');
    await rows.nth(3).waitFor();
    assert.equal(await rows.count(), 4);
    await page.getByText('never: it stands still').waitFor();
    const { members } = await call<{ members: { member_id: string }[] }>('GET', 'groups/reports');
    await call('DELETE', `groups/reports/members/${members[0]!.member_id}`);
    await page.getByText('No member: nobody reads for this group now.').waitFor();
    await page.getByText('Move its offsets').click();
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('button', { name: 'Move 3 offsets' }).click();
    await page
      .getByText('3 offsets moved.')
      .waitFor({ state: 'attached' })
      .catch(() => {});
    const { offsets } = await call<{ offsets: { offset: number }[] }>('GET', 'groups/reports/offsets');
    assert.deepEqual(
      offsets.map(({ offset }) => offset),
      [0, 0, 0],
    );
  },

  'a schedule is paused, resumed and published now': async (page, { call }) => {
    await openPage(page, '/schedules/nightly');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.getByRole('button', { name: 'Publish now' }).click();
    await page.getByText('It is published.').waitFor();
    const { messages } = await call<Peeked>('GET', 'queues/mails/messages');
    assert.deepEqual(messages.at(-1)!.body, { report: 'daily' });
  },

  'alerts and policies are made and deleted, and a mistake is told': async (page) => {
    await openPage(page, '/policies/limits');
    await page.locator('summary').filter({ hasText: 'Put a policy' }).click();
    await page.getByLabel('Name', { exact: true }).fill('retries');
    await page.getByLabel('Settings, as JSON').fill('{"nonsense": 1}');
    await page.getByRole('button', { name: 'Put a policy' }).click();
    await page.getByText(/unknown field "nonsense"/).waitFor();
    await page.getByLabel('Settings, as JSON').fill('{"lease_ms": 60000}');
    await page.getByRole('button', { name: 'Put a policy' }).click();
    await page.getByRole('link', { name: 'retries' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('retries');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'retries' }).waitFor({ state: 'detached' });
    await openPage(page, '/alerts/deep');
    await page.locator('summary').filter({ hasText: 'Make an alert' }).click();
    await page.getByLabel('Name', { exact: true }).fill('old');
    await page.getByLabel('Webhook').fill('https://example.com/old');
    await page.getByRole('button', { name: 'Make an alert' }).click();
    await page.getByText(/Its secret, shown only now: whsec_/).waitFor();
    await page.getByRole('link', { name: 'old', exact: true }).waitFor();
  },

  'a delayed message is found, and run now or cancelled': async (page, { call }) => {
    await page.goto(`${new URL(page.url()).origin}/#/default/queues/thumbnails`);
    await page.getByLabel('Show').selectOption('delayed');
    await page.getByText('"later"').or(page.getByText('later')).first().click();
    await page.getByRole('button', { name: 'Run it now' }).click();
    await page.getByText('No message is in this state.').waitFor();
    const { messages } = await call<Peeked>('GET', 'queues/thumbnails/messages');
    assert.deepEqual(
      messages.map(({ body }) => body),
      ['later'],
    );
    await page.getByLabel('Show').selectOption('ready');
    await page.locator('summary').filter({ hasText: 'later' }).click();
    await page.getByRole('button', { name: 'Cancel this message' }).click();
    await page.getByText('No message is ready.').waitFor();
  },

  'a subscription says what its endpoint said': async (page) => {
    await openPage(page, '/subscriptions/shipping');
    await page.getByRole('button', { name: 'Push a test message' }).click();
    await page.getByText(/The endpoint said: nothing, /).waitFor();
    await page
      .getByRole('table', { name: 'Requests' })
      .getByText(/^nothing, /)
      .waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('It is paused: nothing is pushed.').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
  },

  'the cost is told, and a ceiling is set': async (page) => {
    await openPage(page, '/cost');
    await page.getByText('A million messages').waitFor();
    await page.locator('summary').filter({ hasText: 'Set the ceiling' }).click();
    await page.getByLabel(/^Rows written in an hour/).fill('5000');
    await page.getByRole('button', { name: 'Set the ceiling' }).click();
    await page.getByText(/of 5,000 rows in this hour/).waitFor();
  },
};
