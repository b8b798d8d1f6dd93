import { describe, expect, it } from 'vitest';
import type { CronTimes } from '../../../core/schedules/occurrences.ts';
import { cronTimes } from '../../../durable-objects/schedule/cron-times.ts';

const times = (cron: string, zone = 'UTC') => cronTimes(cron, zone) as CronTimes;
const at = (text: string): number => Date.parse(text);
function next(cron: string, after: string, count: number, zone?: string): string[] {
  const found: string[] = [];
  for (let ms = at(after); found.length < count;) {
    ms = times(cron, zone).after(ms)!;
    found.push(new Date(ms).toISOString().replace(':00.000Z', 'Z'));
  }
  return found;
}

describe('cron expressions', () => {
  it('go by the clock of their zone, in summer and in winter', () => {
    expect(next('30 9 * * *', '2026-03-27T12:00:00Z', 3, 'Europe/Berlin')).toEqual([
      '2026-03-28T08:30Z',
      '2026-03-29T07:30Z',
      '2026-03-30T07:30Z',
    ]);
  });

  it('happen once on the day on which the clock leaves out or repeats an hour', () => {
    expect(next('30 2 * * *', '2026-03-28T12:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2026-03-29T01:00Z',
      '2026-03-30T00:30Z',
    ]);
    expect(next('30 2 * * *', '2026-10-24T12:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ]);
  });

  it('know what was last', () => {
    const daily = times('@daily');
    const midnight = at('2026-05-02T00:00:00Z');
    expect(daily.lastUntil(midnight)).toBe(midnight);
    expect(daily.lastUntil(midnight - 1)).toBe(at('2026-05-01T00:00:00Z'));
    expect(daily.lastUntil(midnight + 5)).toBe(midnight);
  });

  it('that never happen are null', () => {
    expect(times('0 0 31 2 *').after(0)).toBeNull();
  });

  it.each([
    '',
    'x',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '* * 32 * *',
    '* * * 13 *',
    '@reboot',
    '5-1 * * * *',
  ])('%j is refused', (cron) => {
    expect(cronTimes(cron, 'UTC')).toMatchObject({ code: 'invalid_field' });
  });
});
