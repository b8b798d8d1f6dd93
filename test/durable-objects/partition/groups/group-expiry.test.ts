import { describe, expect, it } from 'vitest';
import type { Env } from '../../../../durable-objects/env.ts';
import { GroupExpiry } from '../../../../durable-objects/partition/groups/group-expiry.ts';
import type { GroupOffsets } from '../../../../durable-objects/partition/groups/group-offsets.ts';
import { Alarm } from '../../../../durable-objects/runtime/alarm.ts';

const NOW_MS = 1_000_000;
const EXPIRY_MS = NOW_MS + 604_800_000;

describe('the expiry of group offsets', () => {
  it('has an alarm also if its time could not be read when the offset was stored', async () => {
    const armed: number[] = [];
    const storage = {
      getAlarm: () => Promise.resolve(null),
      setAlarm: (atMs: number) => Promise.resolve(void armed.push(atMs)),
    };
    const alarm = new Alarm(storage, null, () => NOW_MS);
    let isBroken = true;
    const groups = {
      nextExpiryMs: () => {
        if (isBroken) throw new Error('a statement failed');
        return EXPIRY_MS;
      },
      expire: () => Promise.resolve(EXPIRY_MS),
    } as unknown as GroupOffsets;
    const work: Promise<unknown>[] = [];
    const context = { alarm, env: {} as Env, waitUntil: (one: Promise<unknown>) => void work.push(one) };
    const expiry = new GroupExpiry(context, () => ({
      groups,
      definition: { topic: { namespace: 'default' } },
    }));

    expiry.schedule(groups);
    expect(armed, 'soon').toEqual([NOW_MS + 1]);

    isBroken = false;
    alarm.fired();
    await Promise.all(work);
    // An alarm is only moved forward: the one that watches over the look finds nothing due, and sets the next.
    alarm.fired();
    expect(armed.at(-1), 'at the time of the offset').toBe(EXPIRY_MS);
  });
});
