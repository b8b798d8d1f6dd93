/**
 * A hundred thousand generated credentials against the check that stands before every call, and a thousand over HTTP: none passes.
 * `CREDENTIALS=1000000 npx vitest run <this file>` tries a million.
 */

import { timingSafeEqual } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFailure } from '../../../protocol/errors.ts';
import { identify } from '../../../workers/access/authenticate.ts';
import type { AppContext } from '../../../workers/http/context.ts';
import { randomFrom } from '../../crash/random.ts';
import { CountingDirectory, madeToken } from '../../support/counting-directory.ts';
import { generate, hugeCredentials } from './generated-credentials.ts';
import { inTurns, LockedBroker } from './support.ts';

const COUNT = Number(process.env['CREDENTIALS'] ?? 100_000);
const AT_ONCE = 200;
const ROOT = 'The_root_Token-of_this-Test0';
const NOW = 1_000_000;
const SEED = 20_261_127;

const random = randomFrom(SEED);
const directory = new CountingDirectory({
  POSTHORN_ROOT_TOKEN: ROOT,
});
const good: string[] = [];

const contextOf = (authorization: string): AppContext =>
  ({
    env: directory.env,
    req: {
      method: 'GET',
      path: '/v1/default/queues',
      url: 'https://posthorn.example.com/v1/default/queues',
      header: (name: string) => (name === 'authorization' ? authorization : undefined),
    },
  }) as unknown as AppContext;

const passes = async (authorization: string): Promise<boolean> =>
  !isFailure(await identify(contextOf(authorization), NOW));

beforeAll(async () => {
  // The runtime has it; Node has it elsewhere.
  Object.assign(crypto.subtle, { timingSafeEqual });
  for (let made = 0; made < 20; made++) {
    const { text, token } = await madeToken(random);
    directory.add(token);
    good.push(text);
    expect(await passes(`Bearer ${text}`)).toBe(true);
    expect(await passes(`Basic ${btoa(`anybody:${text}`)}`)).toBe(true);
  }
  expect(await passes(`Bearer ${ROOT}`)).toBe(true);
});

describe('no generated credential', () => {
  it('passes', { timeout: 600_000 }, async () => {
    const passed: string[] = [];
    const asked = directory.questions;
    for (let turn = 0; turn < COUNT; turn += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, () => generate([...good, ROOT], random));
      await Promise.all(
        some.map(async ({ kind, authorization }) => {
          if (await passes(authorization)) passed.push(`${kind}: ${authorization}`);
        }),
      );
    }
    expect(passed).toEqual([]);
    // Nothing that has a wrong form or checksum is looked up.
    expect(directory.questions - asked).toBeLessThan(COUNT / 1_000);
  });

  it('costs more than 1 ms, however long it is', async () => {
    for (const { kind, authorization } of hugeCredentials(good[0]!)) {
      const times: number[] = [];
      for (let turn = 0; turn < 5; turn++) {
        const startMs = performance.now();
        expect(await passes(authorization), kind).toBe(false);
        times.push(performance.now() - startMs);
      }
      // The fastest: a busy machine, or a collection, says nothing of the check.
      expect(Math.min(...times), kind).toBeLessThan(1);
    }
  });
});

describe('over HTTP', () => {
  let locked: LockedBroker;
  beforeAll(async () => {
    locked = await LockedBroker.start();
  });
  afterAll(() => locked.broker.stop());

  it('no generated credential passes either', { timeout: 120_000 }, async () => {
    const tokens = [(await locked.token('default', { roles: ['admin'] })).token];
    const statuses = new Set<number>();
    await inTurns([...Array(1_000).keys()], async () => {
      const { authorization } = generate(tokens, random);
      if (!isSendable(authorization)) return;
      const response = await fetch(`${locked.broker.url}/v1/default/queues`, { headers: { authorization } });
      await response.text();
      statuses.add(response.status);
    });
    expect([...statuses]).toEqual([401]);
  });
});

/** What an HTTP client sends at all. Spaces at the ends are not part of a header. */
function isSendable(value: string): boolean {
  // oxlint-disable-next-line no-control-regex -- that is what it is about
  return /^[\x20-\x7e\xa0-\xff]*$/.test(value);
}
