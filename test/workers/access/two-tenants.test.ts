/** Two tenants with everything named alike: no call of one reads, changes or learns of what the other has. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JSON_TYPE } from '../../../protocol/headers/media-types.ts';
import { operations, type Operation } from '../../../protocol/operations/index.ts';
import type { TokenMade } from '../../../protocol/schemas/tokens.ts';
import { LISTS, withoutCounts } from '../../support/definition-lists.ts';
import { bearer, inTurns, LockedBroker } from './support.ts';

const ALL: readonly Operation[] = Object.values(operations);
/** What senders of webhooks call needs no token, and tells nobody what there is: test/workers/events-in/hooks.test.ts. */
const IN_NAMESPACES = ALL.filter(
  ({ path, access }) => path.includes('{namespace}') && access !== 'signature',
);

/** Both have things of this name. */
const SHARED = 'mails';
/** Only the second tenant has things of this name, and nobody of the other. They are equally long. */
const THEIRS = 'theirs';
const NOWHERE = 'absent';

const KINDS = ['topics', 'queues', 'exchanges', 'share-groups', 'policies', 'alerts', 'schedules'] as const;

const BODIES: Record<(typeof KINDS)[number], (name: string) => object> = {
  topics: () => ({}),
  queues: () => ({}),
  exchanges: () => ({}),
  'share-groups': (name) => ({ topics: [name] }),
  policies: () => ({ pattern: 'x*', definition: { max_length: 5 } }),
  alerts: () => ({ pattern: 'x*', metric: 'depth', threshold: 5, webhook: { url: 'https://example.com/' } }),
  schedules: (name) => ({
    cron: '0 0 1 1 *',
    target: { queue: name },
    message: { body: 'soon' },
  }),
};

let locked: LockedBroker;
let blue: TokenMade;
let green: TokenMade;

beforeAll(async () => {
  locked = await LockedBroker.start();
  blue = (await locked.team('blue')).admin;
  green = (await locked.team('green')).admin;
  for (const [namespace, names] of [
    ['blue', [SHARED]],
    ['green', [SHARED, THEIRS]],
  ] as const) {
    for (const name of names) {
      for (const kind of KINDS) {
        const { status, body } = await locked.call(
          'PUT',
          `/v1/${namespace}/${kind}/${name}`,
          BODIES[kind](name),
        );
        expect(status, JSON.stringify(body)).toBe(201);
      }
      const join = await locked.call('POST', `/v1/${namespace}/groups/${name}/members`, { topics: [name] });
      expect(join.status, JSON.stringify(join.body)).toBe(201);
      const messages = { messages: [{ body: namespace }] };
      expect((await locked.call('POST', `/v1/${namespace}/queues/${name}/messages`, messages)).status).toBe(
        200,
      );
      const records = { records: [{ value: namespace }] };
      expect((await locked.call('POST', `/v1/${namespace}/topics/${name}/records`, records)).status).toBe(
        200,
      );
    }
  }
});
afterAll(() => locked.broker.stop());

function pathOf({ path }: Operation, namespace: string, name: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, part: string) =>
    part === 'namespace' ? namespace : part === 'partition' ? '0' : name,
  );
}

async function send(operation: Operation, path: string): Promise<{ status: number; text: string }> {
  const hasBody = operation.body !== undefined;
  const request = {
    method: operation.method.toUpperCase(),
    headers: { ...bearer(blue.token), ...(hasBody && { 'content-type': JSON_TYPE }) },
    ...(hasBody && { body: '{}' }),
  };
  const url = `${locked.broker.url}${path}`;
  const response = await fetch(url, request).catch(() => fetch(url, request));
  return { status: response.status, text: await response.text() };
}

/** What the second tenant has, contents included. */
async function everythingOfGreen(): Promise<unknown> {
  const paths = [
    ...LISTS,
    ...[SHARED, THEIRS].flatMap((name) => [
      `queues/${name}`,
      `topics/${name}`,
      `topics/${name}/partitions/0`,
      `topics/${name}/partitions/0/records?offset=0`,
      `groups/${name}/offsets`,
      `schedules/${name}`,
    ]),
  ].map((path) => `/v1/green/${path}`);
  const found = await Promise.all(
    [...paths, '/admin/v1/tokens?namespace=green'].map((path) =>
      locked.call<Record<string, unknown>>('GET', path),
    ),
  );
  const text = JSON.stringify(found.map(({ status, body }) => [status, body]));
  // Counts of calls grow with these, and the hour of a use is stored some time after it.
  const lasting = text
    .replaceAll(/"meter":\{[^{}]*\}/g, '"meter":{}')
    .replaceAll(/"last_used_at":\d+/g, '"last_used_at":null');
  return withoutCounts(JSON.parse(lasting));
}

describe('one tenant', { timeout: 60_000 }, () => {
  it('gets the same bytes for what another has, for what nobody has, and for a namespace that nobody has', async () => {
    const wrong: string[] = [];
    await inTurns(IN_NAMESPACES, async (operation) => {
      const shared = await send(operation, pathOf(operation, 'green', SHARED));
      const nowhere = [
        await send(operation, pathOf(operation, 'green', NOWHERE)),
        await send(operation, pathOf(operation, 'nobody', SHARED)),
      ];
      const isRefused = shared.status === 403 && nowhere.every(({ text }) => text === shared.text);
      if (!isRefused) wrong.push(`${operation.id}: ${JSON.stringify([shared, ...nowhere])}`);
    });
    expect(wrong).toEqual([]);
  });

  it('gets in its own namespace the same bytes for what only another has, and for what nobody has', async () => {
    const before = await everythingOfGreen();
    const wrong: string[] = [];
    for (const operation of IN_NAMESPACES.filter(({ access }) => access !== 'root')) {
      const theirs = await send(operation, pathOf(operation, 'blue', THEIRS));
      const nowhere = await send(operation, pathOf(operation, 'blue', NOWHERE));
      const isAlike =
        theirs.status === nowhere.status &&
        (theirs.status < 400 || theirs.text.replaceAll(THEIRS, NOWHERE) === nowhere.text);
      if (!isAlike) wrong.push(`${operation.id}: ${JSON.stringify([theirs, nowhere])}`);
    }
    expect(wrong).toEqual([]);
    expect(await everythingOfGreen()).toEqual(before);
  });

  it('changes nothing that the other has under the same name, whatever it calls', async () => {
    const before = await everythingOfGreen();
    for (const operation of IN_NAMESPACES.filter(({ access }) => access !== 'root'))
      await send(operation, pathOf(operation, 'blue', SHARED));
    // Whatever it had is gone by now: the table ends with what deletes.
    for (const kind of KINDS)
      await locked.call('DELETE', `/v1/blue/${kind}/${SHARED}`, undefined, blue.token);
    expect(await everythingOfGreen()).toEqual(before);
  });

  it('knows a token of the other as one that nobody has', async () => {
    const madeUp = '0000000000000000';
    for (const operation of ALL.filter(({ path }) => path.includes('{token}'))) {
      const path = (id: string): string => operation.path.replace('{token}', id);
      const theirs = await send(operation, path(green.id));
      const nowhere = await send(operation, path(madeUp));
      expect(theirs.status, operation.id).toBe(404);
      expect(theirs.text.replaceAll(green.id, madeUp), operation.id).toBe(nowhere.text);
    }
  });
});
