import { afterEach, describe, expect, it, vi } from 'vitest';
import { randomFrom } from '../../crash/random.ts';
import { SEED } from '../../support/seed.ts';
import { Network } from './network.ts';
import { Routers } from './routers.ts';
import { VirtualTime } from './virtual-time.ts';

const LEADER = /^topology$/;
const FOLLOWERS = /^default/;
const realNow = Date.now;

function simulated(faults: { latencyMs: number; lost: number }) {
  const random = randomFrom(SEED);
  const time = new VirtualTime();
  // By hand: a spy remembers each of millions of calls.
  Date.now = () => time.nowMs;
  vi.spyOn(console, 'error').mockReturnValue(); // of calls that are lost
  // Timers with arguments are those of Node's client for HTTP, which has connections of other tests.
  const { setTimeout: ofNode } = globalThis;
  vi.stubGlobal('setTimeout', (act: () => void, ms: number, ...args: unknown[]) =>
    args.length > 0 ? ofNode(act, ms, ...(args as [])) : time.after(ms, act),
  );
  const network = new Network(time, random, faults);
  return { time, network, routers: new Routers(time, network, random) };
}

afterEach(() => {
  Date.now = realNow;
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('10,000 routers of one namespace', () => {
  it('ask the topology at most 64 times a second, and route by nothing older than a second', async () => {
    const { time, network, routers } = simulated({ latencyMs: 20, lost: 0 });
    routers.changeSometimes(50);
    routers.start(10_000, 800, 0.001);
    await time.run(4_000);
    const settledMs = time.nowMs;
    await time.run(6_000);
    expect(routers.faults).toEqual([]);
    expect(routers.published).toBeGreaterThan(100_000);
    expect(network.busiest(LEADER, 0)).toBeLessThanOrEqual(64);
    expect(network.busiest(FOLLOWERS, settledMs)).toBeLessThan(1_000);
    expect(network.calls.size).toBeGreaterThan(10);
  }, 120_000);

  it('do the same while calls are lost and late', async () => {
    const { time, network, routers } = simulated({ latencyMs: 150, lost: 0.05 });
    routers.changeSometimes(50);
    routers.start(10_000, 1_000, 0.001);
    await time.run(8_000);
    expect(routers.faults).toEqual([]);
    expect(network.busiest(LEADER, 0)).toBeLessThanOrEqual(64);
    network.faults = { latencyMs: 20, lost: 0 };
    const failed = routers.failed + 10_000;
    await time.run(4_000);
    const healthyMs = time.nowMs;
    const failedThen = routers.failed;
    await time.run(2_000);
    expect(routers.faults).toEqual([]);
    expect(routers.failed).toBe(failedThen);
    expect(failedThen).toBeLessThan(failed);
    expect(network.busiest(FOLLOWERS, healthyMs)).toBeLessThan(1_000);
  }, 120_000);
});

describe('routers of one continent that all start at once', () => {
  it.each([
    [1_000, 1_000],
    [10_000, 4_000],
  ])(
    '%i have their first route within %i ms, and none is refused one',
    async (count, waitMs) => {
      const { time, network, routers } = simulated({ latencyMs: 20, lost: 0 });
      routers.changeSometimes(50);
      await time.run(2_000);
      routers.start(count, 500, 0, 20);
      await time.run(6_000);
      expect(routers.faults).toEqual([]);
      expect(routers.failed).toBe(0);
      expect(routers.longestWaitMs).toBeLessThan(waitMs);
      expect(network.busiest(LEADER, 0)).toBeLessThanOrEqual(64);
    },
    120_000,
  );
});

describe('few routers', () => {
  it('ask one follower, and nobody asks anybody when none routes', async () => {
    const { time, network, routers } = simulated({ latencyMs: 20, lost: 0 });
    routers.changeSometimes(500);
    routers.start(9, 100, 0.01);
    await time.run(10_000);
    const settledMs = time.nowMs;
    await time.run(10_000);
    expect(routers.faults).toEqual([]);
    expect(network.called(FOLLOWERS, settledMs)).toBe(1);
    expect(network.busiest(LEADER, settledMs)).toBeLessThanOrEqual(8);
    routers.stop();
    await time.run(2_000);
    const quietMs = time.nowMs;
    await time.run(60_000);
    expect(network.called(/./, quietMs + 1_000)).toBe(0);
  });

  it('get all changes after the followers have forgotten what they knew', async () => {
    const { time, network, routers } = simulated({ latencyMs: 20, lost: 0 });
    routers.changeSometimes(20);
    routers.start(200, 100, 0.01);
    for (let round = 0; round < 5; round++) {
      await time.run(2_000);
      routers.forget();
    }
    await time.run(2_000);
    expect(routers.faults).toEqual([]);
    expect(routers.failed).toBe(0);
    expect(network.busiest(LEADER, 0)).toBeLessThanOrEqual(64);
  });
});
