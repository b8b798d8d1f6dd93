/** A schedule that is told of its definition while its storage fails. */

import { expect, it } from 'vitest';
import type { ScheduleDefinition } from '../../../core/topology/schedules.ts';
import { Schedule } from '../../../durable-objects/schedule/schedule.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { Disk, SimStorage } from '../../simulation/platform/storage.ts';

const definition = {
  namespace: 'default',
  name: 'hourly',
  id: 1,
  version: 1,
  config: { cron: '0 * * * *', time_zone: 'UTC' },
  isPaused: false,
} as unknown as ScheduleDefinition;

it('is known after a restart, whichever statement failed when it was first told', async () => {
  const disk = new Disk();
  let failAfter = Infinity;
  const host = {
    beforeStatement: () => {
      if (--failAfter === 0) throw new Error('the storage failed, as the test asked for');
    },
    wrote: () => {},
    alarmSet: () => {},
    alarmRefused: () => {},
    sync: () => Promise.resolve(),
    soon: <Result>(_: string, result: () => Result) => Promise.resolve(result()),
  };
  const open = async (): Promise<Schedule> => {
    let isReady = Promise.resolve();
    const ctx = {
      storage: new SimStorage(disk, host),
      blockConcurrencyWhile: (begin: () => Promise<void>) => (isReady = begin()),
      waitUntil: () => {},
    };
    const schedule = new Schedule(ctx as unknown as DurableObjectState, {} as Env);
    await isReady;
    return schedule;
  };
  for (let statement = 1; ; statement++) {
    const schedule = await open();
    failAfter = statement;
    let hasFailed = false;
    try {
      schedule.configure(definition);
    } catch {
      hasFailed = true;
    }
    failAfter = Infinity;
    schedule.configure(definition);
    expect((await open()).describe(), `after statement ${statement}`).toMatchObject({ pending: 0 });
    disk.deleteAll();
    if (!hasFailed) break;
  }
  disk.close();
});
