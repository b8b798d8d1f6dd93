import { describe, expect, it } from 'vitest';
import {
  declareSchedule,
  pauseSchedule,
  scheduleObjectName,
  type ScheduleDefinition,
} from '../../../core/topology/schedules.ts';
import type { ScheduleDeclaration } from '../../../protocol/schemas/schedules.ts';

const config = {
  cron: '0 * * * *',
  time_zone: 'UTC',
  ends_at: null,
  catch_up: 'once',
  target: { queue: 'q' },
  message: { body: 1 },
} as ScheduleDeclaration;
const existing: ScheduleDefinition = {
  namespace: 'default',
  name: 'report',
  id: 3,
  version: 4,
  config,
  isPaused: true,
};

describe('declaring a schedule', () => {
  it('makes it, and it runs', () => {
    expect(declareSchedule(null, 'default', 'report', config, 9)).toEqual({
      ...existing,
      id: 9,
      version: 9,
      isPaused: false,
    });
  });

  it('again as it is changes nothing', () => {
    expect(declareSchedule(existing, 'default', 'report', { ...config }, 9)).toBe(existing);
  });

  it('again in another way replaces it; it stays the same one, and paused', () => {
    const other = { ...config, cron: '5 * * * *' };
    expect(declareSchedule(existing, 'default', 'report', other, 9)).toEqual({
      ...existing,
      version: 9,
      config: other,
    });
  });
});

it.each([
  [true, true, false, 'it is'],
  [true, false, true, 'it goes on'],
  [false, true, true, 'it stops'],
  [false, false, false, 'it runs'],
])('a schedule that is paused: %s, told to be: %s, changes: %s, %s', (isPaused, wanted, isChanged) => {
  const known = { ...existing, isPaused };
  const after = pauseSchedule(known, wanted, 9);
  expect([after !== known, after.isPaused, after.version]).toEqual([isChanged, wanted, isChanged ? 9 : 4]);
});

it('a schedule that is made again has another object', () => {
  expect(scheduleObjectName(existing)).toBe('default/report#3');
});
