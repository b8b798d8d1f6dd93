/** Retry task: when it sends, when it tries again, and what it does while a send is under way. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RetryTask } from '../../../durable-objects/forwarding/retry-task.ts';
import { Alarm } from '../../../durable-objects/runtime/alarm.ts';

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}));

function setUp({ retryMsMax }: { retryMsMax?: number } = {}) {
  const state = { nowMs: 0, waiting: 0, problem: null as string | Error | null, sends: 0 };
  const work: Promise<unknown>[] = [];
  const storage = { getAlarm: () => Promise.resolve(null), setAlarm: () => Promise.resolve() };
  const alarm = new Alarm(storage, null, () => state.nowMs);
  let release = (): void => {};
  let gate = Promise.resolve();
  const task = new RetryTask(
    { alarm, now: () => state.nowMs, waitUntil: (one) => void work.push(one) },
    'send',
    {
      label: () => 'messages of a test',
      hasWork: () => state.waiting > 0,
      send: async () => {
        state.sends += 1;
        await gate;
        if (state.problem instanceof Error) throw state.problem;
        if (state.problem === null) state.waiting -= 1;
        return state.problem;
      },
    },
    retryMsMax === undefined ? {} : { retryMsMax },
  );
  return {
    state,
    task,
    /** Sends end only after `release`. */
    hold: () => {
      gate = new Promise((resolve) => (release = resolve));
    },
    release: () => release(),
    idle: async () => {
      while (work.length > 0) await work.pop();
    },
    at: (nowMs: number) => {
      state.nowMs = nowMs;
      alarm.runDue();
    },
  };
}

describe('a retry task', () => {
  it('sends what waits as soon as it is woken, and not again when all was sent', async () => {
    const { state, task, idle, at } = setUp();
    task.wake();
    expect(state.sends, 'nothing waits').toBe(0);
    state.waiting = 1;
    task.wake();
    await idle();
    at(1_000_000);
    await idle();
    expect([state.sends, task.problem]).toEqual([1, null]);
  });

  it('tries again later each time, up to five minutes, and from the start after a success', async () => {
    const { state, task, idle, at } = setUp();
    Object.assign(state, { waiting: 1, problem: 'the target is full' });
    task.wake();
    await idle();
    expect(task.problem).toBe('the target is full');
    let nowMs = 0;
    for (const [nth, delayMs] of [
      5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000,
    ].entries()) {
      task.wake();
      at(nowMs + delayMs - 1);
      expect(state.sends, `not before ${delayMs} ms`).toBe(nth + 1);
      at((nowMs += delayMs));
      await idle();
      expect(state.sends, `after ${delayMs} ms`).toBe(nth + 2);
    }
    state.problem = null;
    at((nowMs += 300_000));
    await idle();
    expect([state.waiting, task.problem]).toEqual([0, null]);
    Object.assign(state, { waiting: 1, problem: 'again', sends: 0 });
    task.wake();
    await idle();
    at(nowMs + 5_000);
    expect(state.sends).toBe(2);
  });

  it('takes a failure that is thrown as a problem', async () => {
    const { state, task, idle } = setUp();
    Object.assign(state, { waiting: 1, problem: new Error('the network is gone') });
    task.wake();
    await idle();
    expect(task.problem).toBe('the network is gone');
    expect(await task.run()).toBe(false);
    state.problem = null;
    expect(await task.run()).toBe(true);
  });

  it('has one send at a time, and sends what came meanwhile after it', async () => {
    const { state, task, hold, release, idle, at } = setUp();
    hold();
    state.waiting = 1;
    task.wake();
    task.wake();
    at(5_000);
    expect(state.sends).toBe(1);
    state.waiting += 1; // the send that is under way does not see it
    release();
    await idle();
    expect([state.sends, state.waiting]).toEqual([2, 0]);
  });

  it('tries at once when it is told to hurry', async () => {
    const { state, task, idle, at } = setUp();
    Object.assign(state, { waiting: 1, problem: 'there is no queue' });
    task.wake();
    await idle();
    state.problem = null;
    task.hurry();
    at(1);
    await idle();
    expect([state.sends, state.waiting]).toEqual([2, 0]);
  });

  it('never waits longer than it was told', async () => {
    const { state, task, idle, at } = setUp({ retryMsMax: 5_000 });
    Object.assign(state, { waiting: 1, problem: 'away' });
    task.wake();
    for (const nowMs of [0, 5_000, 10_000, 15_000]) {
      at(nowMs);
      await idle();
    }
    expect(state.sends).toBe(4);
  });

  it('does nothing after it was cancelled', async () => {
    const { state, task, idle, at } = setUp();
    Object.assign(state, { waiting: 1, problem: 'away' });
    task.wake();
    await idle();
    task.cancel();
    at(1_000_000);
    expect(state.sends).toBe(1);
  });
});
