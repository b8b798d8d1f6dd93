/** Order of the test files: those that take longest begin first, so that no process is left alone with one at the end. */

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Below `test/`: files that compute for long, in turn with files that wait for long. */
const LONGEST = [
  'simulation/simulation',
  'workers/queues/long-poll',
  'workers/sleep',
  'simulation/crash-at-every-step',
  'scripts/serve',
  'workers/exchanges/exchanges-scale',
  'crash/consumer-kill',
  'crash/kill',
  'workers/overview/cost-ceiling',
  'sdk/groups/groups-rebalance',
  'workers/queues/queues-expiry',
  'workers/http/contract',
  'fuzz/fuzz',
  'workers/transactions/transactions',
].map((name) => `/test/${name}.test.ts`);

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = LONGEST.findIndex((name) => moduleId.endsWith(name));
      return index < 0 ? LONGEST.length : index;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
