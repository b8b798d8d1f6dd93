/** When what waits for company goes. */

import { describe, expect, it } from 'vitest';
import { afterMicrotasks } from '../../../sdk/client/end-of-turn.ts';
import { Gathering } from '../../../sdk/client/gathering.ts';
import { timers, turns } from './held-fetch.ts';

describe('gathering', () => {
  it('lets go at the end of the turn if nothing is under way', async () => {
    let gone = 0;
    const gathering = new Gathering(0, () => gone++, 60_000);
    gathering.begin();
    gathering.begin();
    await Promise.resolve();
    expect(gone).toBe(0);
    await turns(1);
    expect(gone).toBe(1);
  });

  it('waits for the last answer that is under way', async () => {
    let gone = 0;
    const before = timers();
    const gathering = new Gathering(0, () => gone++, 60_000);
    gathering.left();
    gathering.left();
    gathering.begin();
    await turns(1);
    gathering.returned();
    expect(gone).toBe(0);
    gathering.returned();
    expect(gone).toBe(1);
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('waits no longer than some milliseconds for an answer that does not come', async () => {
    const gone = Promise.withResolvers<void>();
    const gathering = new Gathering(0, gone.resolve);
    gathering.left();
    gathering.begin();
    await gone.promise;
  });

  it('ends a long wish to wait for what does not linger, at the end of the turn', async () => {
    let gone = 0;
    const before = timers();
    const gathering = new Gathering(60_000, () => gone++);
    gathering.begin();
    await turns(1);
    expect(gone).toBe(0);
    gathering.hurry();
    gathering.hurry();
    await turns(1);
    expect(gone).toBe(1);
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('is over when nothing waits any more', async () => {
    let gone = 0;
    const before = timers();
    const gathering = new Gathering(0, () => gone++, 60_000);
    gathering.begin();
    gathering.end();
    gathering.left();
    gathering.begin();
    await turns(1);
    gathering.end();
    gathering.returned();
    await turns();
    expect(gone).toBe(0);
    expect(timers()).toBeLessThanOrEqual(before);
  });
});

it('a platform without a phase for it ends a turn after the microtasks of a loop that awaits', async () => {
  let awaited = 0;
  let seen = -1;
  afterMicrotasks(() => (seen = awaited));
  for (; awaited < 10; awaited++) await Promise.resolve();
  await turns(1);
  expect(seen).toBe(10);
});
