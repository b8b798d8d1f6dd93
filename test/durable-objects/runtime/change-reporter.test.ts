/** When an object reports by itself, and what it answers when it is asked. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { ObjectReport } from '../../../core/overview/object-report.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { ChangeReporter } from '../../../durable-objects/runtime/change-reporter.ts';
import { queueReport } from '../../core/overview/support/reports.ts';

let nowMs = 0;
let mark = 0;
let fails = false;
let sent: ObjectReport[] = [];
let reporter: ChangeReporter;

const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function awake(random = 0.5): ChangeReporter {
  const report = (told: ObjectReport): Promise<void> => {
    if (fails) return Promise.reject(new Error('as the test asked for'));
    sent.push(told);
    return Promise.resolve();
  };
  const env = { OVERVIEW: { getByName: () => ({ report }) } } as unknown as Env;
  const object = {
    now: () => nowMs,
    waitUntil: () => {},
    namespace: () => 'default',
    mark: () => mark,
    report: () => queueReport({}),
  };
  return new ChangeReporter(env, object, random);
}

beforeEach(() => {
  [nowMs, mark, fails, sent] = [0, 0, false, []];
  reporter = awake();
  reporter.woke();
});

describe('a change reporter', () => {
  it('says nothing of an object that woke and has not changed', () => {
    reporter.changed();
    expect(sent).toEqual([]);
  });

  it('says nothing while its object is being read', () => {
    awake().changed();
    expect(sent).toEqual([]);
  });

  it('reports an object that was made', () => {
    reporter.made();
    expect(sent).toHaveLength(1);
  });

  it('reports the first change, and leaves the others to the questions of the overview', () => {
    for (mark = 1; mark < 5; mark++) reporter.changed();
    expect(sent).toHaveLength(1);
    const answer = reporter.answer(sent[0]!)!;
    expect(answer.number).toBe(2);
    expect(reporter.answer(answer)).toBeNull();
    mark += 1;
    reporter.changed();
    expect(sent.map(({ number }) => number)).toEqual([1, 3]);
  });

  it('repeats what the overview has not heard', () => {
    mark = 1;
    reporter.changed();
    mark = 2;
    const lost = reporter.answer(sent[0]!)!;
    expect(reporter.answer(sent[0]!)!.number).toBe(lost.number + 1);
    expect(awake(0.1).answer(sent[0]!)!.number).toBe(1);
  });

  it('reports by itself again when it was not asked for half a minute', () => {
    mark = 1;
    reporter.changed();
    [nowMs, mark] = [29_999, 2];
    reporter.changed();
    expect(sent).toHaveLength(1);
    nowMs = 30_000;
    reporter.changed();
    expect(sent).toHaveLength(2);
  });

  it('tries again with a change that comes ten seconds after a failure', async () => {
    [fails, mark] = [true, 1];
    reporter.changed();
    await flush();
    fails = false;
    reporter.changed();
    expect(sent).toEqual([]);
    nowMs = 10_000;
    reporter.changed();
    expect(sent).toHaveLength(1);
  });
});
