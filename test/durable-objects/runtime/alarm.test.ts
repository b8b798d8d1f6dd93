import { describe, expect, it, vi } from 'vitest';
import { Alarm, type Task } from '../../../durable-objects/runtime/alarm.ts';

/** A platform that remembers what it was asked, and a clock that stands still until it is moved. */
function setUp(armedMs: number | null = null) {
  const clock = { nowMs: 1_000 };
  const armed: number[] = [];
  const storage = {
    getAlarm: () => Promise.resolve(armedMs),
    setAlarm: (atMs: number) => Promise.resolve(void armed.push(atMs)),
  };
  return { clock, armed, alarm: new Alarm(storage, armedMs, () => clock.nowMs) };
}

describe('the alarm of an object', () => {
  it('is set to the earliest of all tasks, and moved only forward', () => {
    const { alarm, armed } = setUp();
    alarm.register('a', () => null);
    alarm.register('b', () => null);
    alarm.schedule('a', 5_000);
    alarm.schedule('b', 9_000);
    alarm.schedule('b', 3_000);
    alarm.schedule('b', 8_000);
    expect(armed).toEqual([5_000, 3_000]);
  });

  it('is never set to the present or past', () => {
    const { alarm, armed } = setUp();
    alarm.register('late', () => null);
    alarm.schedule('late', 10);
    expect(armed).toEqual([1_001]);
  });

  it('is never set to a time that the platform refuses, and goes on towards it', () => {
    const { alarm, armed, clock } = setUp();
    const run = vi.fn<Task>(() => null);
    alarm.register('far', run);
    alarm.schedule('far', Number.MAX_SAFE_INTEGER);
    expect(armed).toEqual([315_360_001_000]);
    clock.nowMs = 315_360_001_000;
    alarm.fired();
    expect(run).not.toHaveBeenCalled();
    expect(armed).toEqual([315_360_001_000, 630_720_001_000]);
  });

  it('is not set again after a wake where the platform still has it', () => {
    const { alarm, armed } = setUp(4_000);
    alarm.register('a', () => null);
    alarm.schedule('a', 4_500);
    expect(armed).toEqual([]);
    alarm.schedule('a', 3_500);
    expect(armed).toEqual([3_500]);
  });

  it('runs what is due and takes the next time from the task', () => {
    const { alarm, armed, clock } = setUp();
    const run = vi.fn<Task>((nowMs) => (nowMs < 3_000 ? nowMs + 1_000 : null));
    alarm.register('repeats', run);
    alarm.schedule('repeats', 2_000);
    alarm.runDue();
    expect(run).not.toHaveBeenCalled();
    for (clock.nowMs = 2_000; clock.nowMs <= 5_000; clock.nowMs += 500) alarm.fired();
    expect(run).toHaveBeenCalledTimes(2);
    expect(alarm.isScheduled('repeats')).toBe(false);
    expect(armed).toEqual([2_000, 3_000, 3_000]);
  });

  it.each<[string, (alarm: Alarm) => void, number[]]>([
    ['is scheduled meanwhile', (alarm) => alarm.schedule('self', 5_000), [2_000, 5_000]],
    ['is scheduled earlier than never', (alarm) => alarm.scheduleEarlier('self', 5_000), [2_000, 5_000]],
    [
      'is scheduled twice',
      (alarm) => {
        alarm.scheduleEarlier('self', 5_000);
        alarm.scheduleEarlier('self', 6_000);
      },
      [2_000, 5_000],
    ],
    [
      'is scheduled and is not needed then',
      (alarm) => {
        alarm.schedule('self', 5_000);
        alarm.schedule('self', null);
      },
      [2_000],
    ],
  ])('keeps the time of a task that says null and %s', (_, during, expected) => {
    const { alarm, armed, clock } = setUp();
    alarm.register('self', () => {
      during(alarm);
      return null;
    });
    alarm.schedule('self', 2_000);
    clock.nowMs = 2_000;
    alarm.fired();
    expect(armed).toEqual(expected);
  });

  it('takes the time that a task says, whatever was scheduled meanwhile', () => {
    const { alarm, armed, clock } = setUp();
    alarm.register('self', () => {
      alarm.scheduleEarlier('self', 2_001);
      return 9_000;
    });
    alarm.schedule('self', 2_000);
    clock.nowMs = 2_000;
    alarm.fired();
    expect(armed).toEqual([2_000, 9_000]);
  });

  it('is set again where the platform has lost it, and not for one that may only be late', () => {
    const { alarm, armed, clock } = setUp();
    alarm.register('leases', () => 500_000);
    alarm.schedule('leases', 5_000);
    clock.nowMs = 5_000 + 60_000;
    alarm.runDue();
    expect(armed, 'it can still come').toEqual([5_000]);
    clock.nowMs += 1;
    alarm.runDue();
    expect(armed).toEqual([5_000, 500_000]);
  });

  it('may fire twice, early or late', () => {
    const { alarm, clock } = setUp();
    const run = vi.fn<Task>(() => null);
    alarm.register('once', run);
    alarm.schedule('once', 2_000);
    alarm.fired();
    clock.nowMs = 60_000;
    alarm.fired();
    alarm.fired();
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('never throws, and runs a task that failed again, without holding up the others', () => {
    const { alarm, armed, clock } = setUp();
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    const other = vi.fn<Task>(() => null);
    let failures = 0;
    alarm.register('fails', () => {
      failures += 1;
      throw new Error('disk full');
    });
    alarm.register('other', other);
    alarm.schedule('fails', 2_000);
    alarm.schedule('other', 2_000);
    clock.nowMs = 2_000;
    expect(() => alarm.fired()).not.toThrow();
    expect(other).toHaveBeenCalledTimes(1);
    expect(armed.at(-1)).toBe(32_000);
    clock.nowMs = 32_000;
    alarm.fired();
    expect(failures).toBe(2);
    error.mockRestore();
  });

  it('is armed anew by the next request where the platform failed to take it', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    let calls = 0;
    const storage = {
      getAlarm: () => Promise.resolve(null),
      setAlarm: () => (++calls === 1 ? Promise.reject(new Error('no')) : Promise.resolve()),
    };
    const alarm = new Alarm(storage, null, () => 0);
    alarm.register('a', () => null);
    alarm.schedule('a', 50);
    await Promise.resolve();
    await Promise.resolve();
    alarm.schedule('a', 50);
    expect(calls).toBe(2);
    error.mockRestore();
  });
});
