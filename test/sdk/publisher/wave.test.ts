/** How long a batch waits for those who were confirmed and publish again. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Wave } from '../../../sdk/publisher/wave.ts';
import { heldBroker, timers, turns } from '../client/held-fetch.ts';

const MINUTE_MS = 60_000;

describe('a wave', () => {
  it('is awaited until it is whole', () => {
    const before = timers();
    const wave = new Wave(MINUTE_MS, () => {});
    wave.begin(100, 20, 0);
    expect([1, 119, 120, 1].map((count) => wave.holds(count))).toEqual([true, true, false, false]);
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('is not awaited after a small batch', () => {
    const wave = new Wave(MINUTE_MS, () => {});
    wave.begin(15, 0, 0);
    expect(wave.holds(1)).toBe(false);
  });

  it('goes in part when no message comes any more', async () => {
    const over = Promise.withResolvers<void>();
    const wave = new Wave(MINUTE_MS, over.resolve);
    wave.begin(100, 0, 0);
    expect(wave.holds(3)).toBe(true);
    await over.promise;
    expect(wave.holds(3)).toBe(false);
  });

  it('goes in part when its time is over, though messages come', async () => {
    let count = 1;
    const over = Promise.withResolvers<void>();
    const wave: Wave = new Wave(10, () => (wave.holds(++count) ? undefined : over.resolve()));
    wave.begin(1_000_000, 0, 0);
    expect(wave.holds(count)).toBe(true);
    await over.promise;
  });

  it.each([
    { tookMs: 0, waitedMs: 20, what: 'its time after a quick batch' },
    { tookMs: 60, waitedMs: 60, what: 'as long as the last batch took, if that is longer' },
    { tookMs: MINUTE_MS, waitedMs: 100, what: 'a tenth of a second, however slow the last batch was' },
  ])('waits no longer than $what', ({ tookMs, waitedMs }) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const wave = new Wave(20, () => {});
      wave.begin(1_000, 0, tookMs);
      for (let ms = 1; ms < waitedMs; ms++) {
        vi.advanceTimersByTime(1);
        expect(wave.holds(ms), `after ${ms} ms`).toBe(true);
      }
      vi.advanceTimersByTime(1);
      expect(wave.holds(waitedMs)).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  it('says that it goes, whole or in part, and says nothing where nothing was awaited', async () => {
    const goes = vi.fn<() => void>();
    const over = Promise.withResolvers<void>();
    const wave = new Wave(MINUTE_MS, over.resolve, goes);
    wave.begin(15, 0, 0);
    wave.end();
    expect(goes).not.toHaveBeenCalled();
    wave.begin(100, 0, 0);
    expect(wave.holds(100)).toBe(false);
    expect(goes).toHaveBeenCalledTimes(1);
    wave.begin(100, 0, 0);
    expect(wave.holds(3)).toBe(true);
    await over.promise;
    expect(goes).toHaveBeenCalledTimes(2);
  });
});

describe('a publisher that waits for waves', () => {
  // No time passes: on a busy machine the wait would be over before the test has looked.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('sends together what comes back in pieces', async () => {
    const { held, publisher } = await answered(20);
    for (let at = 0; at < 5; at++) void publisher.sendToQueue('q', { body: at });
    await turns();
    expect(held).toEqual([]);
    for (let at = 0; at < 15; at++) void publisher.sendToQueue('q', { body: at });
    await turns();
    expect(held.map(({ values }) => values.length)).toEqual([20]);
    held[0]!.answer();
    await publisher.close();
  });

  it('sends at once when it is flushed', async () => {
    const { held, publisher } = await answered(20);
    void publisher.sendToQueue('q', { body: 1 });
    await turns();
    expect(held).toEqual([]);
    const flushed = publisher.flush();
    await turns();
    held[0]!.answer();
    await flushed;
    await publisher.close();
  });

  it('gives up what waits when it is aborted', async () => {
    const { publisher, abort } = await answered(20);
    const sent = publisher.sendToQueue('q', { body: 1 });
    await turns();
    abort.abort();
    await expect(sent).rejects.toMatchObject({ code: 'aborted' });
  });
});

/** A publisher whose first batch was just stored. */
async function answered(messages: number) {
  const { posthorn, held } = heldBroker();
  const abort = new AbortController();
  const publisher = posthorn.publisher({
    messageIds: false,
    wave: (over) => new Wave(MINUTE_MS, over),
    signal: abort.signal,
  });
  const sent = Array.from({ length: messages }, () => publisher.sendToQueue('q', { body: 0 }));
  await turns();
  held[0]!.answer();
  await Promise.all(sent);
  return { held, publisher, abort };
}
