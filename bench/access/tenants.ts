/**
 * Benchmark of two tenants: how long a publish of one takes while the other does nothing, and while the other goes on
 * sending although its own quota is full. Both are on one isolate of the router, which is the worst case.
 *
 *   paced   the other sends 100 publishes a second, as programs do that wait as `Retry-After` says
 *   flood   the other has 32 connections, and sends again as soon as it is refused
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../../scripts/broker/broker.ts';
import { Client, median } from '../runtime/client.ts';

const ROOT = 'bench-root-token-of-thirty-two-characters';
const PACED_PER_S = 100;
const FLOOD_CONNECTIONS = 32;
const HEADERS = { 'content-type': 'application/json', authorization: `Bearer ${ROOT}` };
const WAYS = ['paced', 'flood'] as const;
type Way = (typeof WAYS)[number];

interface Round {
  way: Way;
  aloneP99Ms: number;
  besideP99Ms: number;
  ratio: number;
  refusedPerS: number;
}

export interface TenantsResult {
  calls: number;
  rounds: Round[];
  ratio: Record<Way, number>;
}

export async function benchTenants(
  calls: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<TenantsResult> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const broker = await startBroker({ dataPath, vars: { POSTHORN_ROOT_TOKEN: ROOT } });
  const calm = new Client(broker.url);
  const other = new Client(broker.url);
  const publish = (client: Client, namespace: string): Promise<boolean> =>
    client.send('POST', `/v1/${namespace}/queues/mails/messages`, '{"messages":[{"body":1}]}', HEADERS).then(
      () => true,
      () => false,
    );
  const measure = (): Promise<number> => p99Of(calls, () => publish(calm, 'calm'));
  try {
    for (const [namespace, quotas] of [
      ['calm', {}],
      ['full', { publish_per_s: 1 }],
    ] as const) {
      await calm.send('PUT', `/admin/v1/namespaces/${namespace}`, JSON.stringify({ quotas }), HEADERS);
      await calm.send('PUT', `/v1/${namespace}/queues/mails`, '{}', HEADERS);
    }
    await measure(); // until it is warm
    const found: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const way of WAYS) {
        progress(`tenants: ${way}, round ${round + 1} of ${rounds}`);
        const aloneP99Ms = await measure();
        const sending = sendRefused(way, () => publish(other, 'full'));
        const besideP99Ms = await measure();
        const refusedPerS = await sending.stop();
        found.push({ way, aloneP99Ms, besideP99Ms, ratio: besideP99Ms / aloneP99Ms, refusedPerS });
      }
    }
    const ratioOf = (way: Way): number =>
      median(found.filter((round) => round.way === way).map(({ ratio }) => ratio));
    return { calls, rounds: found, ratio: { paced: ratioOf('paced'), flood: ratioOf('flood') } };
  } finally {
    calm.close();
    other.close();
    await broker.stop();
    await rm(dataPath, { recursive: true, force: true });
  }
}

export function printTenants({ calls, rounds, ratio }: TenantsResult): void {
  console.log(`\nA publish of one tenant, alone and beside one whose quota is full, ${calls} calls each`);
  console.table(rounds);
  console.log(
    `ratio of the 99th percentiles:  paced ${ratio.paced.toFixed(2)}  flood ${ratio.flood.toFixed(2)}`,
  );
}

/** @returns `stop` ends the sending, and returns how many calls were refused in a second */
function sendRefused(way: Way, publish: () => Promise<boolean>): { stop: () => Promise<number> } {
  const startMs = performance.now();
  let refused = 0;
  let isOver = false;
  const once = async (): Promise<void> => {
    if (!(await publish())) refused += 1;
  };
  const connection = async (): Promise<void> => {
    while (!isOver) await once();
  };
  const timer = way === 'paced' ? setInterval(() => void once(), 1_000 / PACED_PER_S) : undefined;
  const connections = Array.from({ length: way === 'flood' ? FLOOD_CONNECTIONS : 0 }, connection);
  return {
    stop: async () => {
      isOver = true;
      clearInterval(timer);
      await Promise.all(connections);
      return Math.round((refused * 1_000) / (performance.now() - startMs));
    },
  };
}

async function p99Of(calls: number, call: () => Promise<boolean>): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < calls; count++) {
    const startMs = performance.now();
    if (!(await call())) throw new Error('the tenant that has no quota was refused');
    times.push(performance.now() - startMs);
  }
  return times.sort((a, b) => a - b)[Math.floor(calls * 0.99)]!;
}
