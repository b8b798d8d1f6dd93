/** One run: a world, clients with their plan, faults, rest, and what the checkers say of it. */

import { randomFrom } from '../crash/random.ts';
import { CHECKERS } from './checkers/checkers.ts';
import { gatewayCode } from './amqp/gateway-code.ts';
import { drawFaults, FAULTS, NO_FAULTS, type Fault, type FaultRates } from './faults.ts';
import { History } from './history.ts';
import type { Mutant } from './mutants/mutants.ts';
import { drawPlan, type PlannedOperation } from './plan.ts';
import { Scheduler } from './platform/scheduler.ts';
import { World } from './platform/world.ts';
import { passedOver } from './waiting/fairness.ts';
import { unserved } from './waiting/unserved.ts';
import { Client } from './workload/client.ts';
import { OPERATIONS } from './workload/operations.ts';
import { Endpoint } from './workload/push/endpoint.ts';
import { comeToRest } from './workload/rest.ts';
import { declareReborn } from './workload/reborn.ts';
import { declareShared } from './workload/share-groups.ts';
import { declareAll } from './workload/topology.ts';

/** More than any run has needed by far: 70 events an operation are usual. One that goes on for ever ends at that. */
const eventsMax = (steps: number): number => 100_000 + 1_000 * steps;

const NEED_GATEWAY = new Set(['amqp', 'kill-gateway']);

export interface RunOptions {
  seed: number;
  /** Operations. */
  steps: number;
  /** Those that may happen; default: all. */
  faults?: readonly Fault[];
  /** Instead of the plan that the seed gives: a part of it. */
  plan?: readonly PlannedOperation[];
  mutant?: Mutant;
  /** Another order of events and other moments for the faults, with the same plan and the same mix. Default 0. */
  luck?: number;
  /** Before the event of that number all objects of the class lose their memory, and what is not durable. */
  crash?: { className: string; event: number };
  onTrace?: (line: string) => void;
}

export interface Violation {
  checker: string;
  message: string;
}

export interface RunResult {
  seed: number;
  /** Of everything that happened. */
  hash: string;
  operations: number;
  events: number;
  /** Between which of the events clients were at work. */
  clients: { from: number; to: number };
  history: History;
  rates: FaultRates;
  violations: Violation[];
}

export async function run(options: RunOptions): Promise<RunResult> {
  const { seed, steps, faults = FAULTS, mutant, luck = 0 } = options;
  const scheduler = new Scheduler(seed ^ Math.imul(luck, 0x9e3779b1));
  scheduler.onTrace = options.onTrace ?? null;
  const rates = drawFaults(randomFrom(seed ^ 0xfa17), faults);
  const world = await World.create(scheduler, {
    rates,
    patches: mutant?.patches ?? [],
    hasOutputGate: mutant?.hasOutputGate ?? true,
  });
  const { crash } = options;
  if (crash) {
    scheduler.onEvent = (number) => {
      if (number !== crash.event) return;
      for (const host of world.objects) if (host.className === crash.className) host.crash('crash');
    };
  }
  const history = new History();
  history.clock = () => scheduler.nowMs;
  history.clocksAgree = rates.clock === 0;
  history.answersArrive = ![rates.loss, rates.crash, rates.machine, rates.gate, rates.storage].some(
    (rate) => rate > 0,
  );
  history.requestsArrive = rates.loss === 0 && rates.delay === 0;
  history.isCalm =
    history.answersArrive &&
    history.clocksAgree &&
    [rates.delay, rates.duplicate, rates.evict].every((rate) => rate === 0);
  world.onSocketEnded = ({ attachment }) => {
    const { consumerId } = attachment as { consumerId?: string };
    const now = history.now();
    const consumer = consumerId?.split('~')[0] ?? '';
    if (consumer.startsWith('stream-'))
      history.add({ kind: 'leave', client: '', consumer, begin: now, end: now });
  };
  world.outside = new Endpoint(world, history).answer;
  const find = world.find.bind(world);
  scheduler.afterEvent = () => {
    for (const host of world.unseen) {
      if (!host.isQuiet) continue;
      world.unseen.delete(host);
      const unfair = passedOver(host, host.machine?.nowMs ?? scheduler.nowMs);
      if (unfair !== null) {
        const at = history.now();
        history.add({ kind: 'unfair', client: '', begin: at, end: at, what: unfair });
      }
      const what = unserved(host, host.machine?.nowMs ?? scheduler.nowMs, rates, find);
      if (what === null) continue;
      scheduler.note(`unserved: ${what}`);
      const now = history.now();
      history.add({ kind: 'unserved', client: '', begin: now, end: now, what });
    }
  };
  const plan = options.plan ?? drawPlan(seed, steps, mutant?.only);
  if (plan.some(({ name }) => NEED_GATEWAY.has(name)))
    world.gatewayCode = await gatewayCode(mutant?.patches ?? []);
  const violations: Violation[] = [];
  const clients = { from: 0, to: 0 };
  try {
    await scheduler.runUntil(perform(world, history, plan, clients), eventsMax(steps));
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    violations.push({ checker: 'liveness', message });
  } finally {
    world.close();
  }
  for (const { name, check } of CHECKERS) {
    violations.push(...check(history).map((message) => ({ checker: name, message })));
  }
  const { hash, count: events } = scheduler;
  return { seed, hash, operations: plan.length, events, clients, history, rates, violations };
}

async function perform(
  world: World,
  history: History,
  plan: readonly PlannedOperation[],
  span: { from: number; to: number },
): Promise<void> {
  const admin = new Client('admin', world, history);
  await declareAll(admin);
  await declareShared(admin);
  await declareReborn(admin);
  span.from = world.scheduler.count;
  const byClient = Map.groupBy(plan, ({ client }) => client);
  const clients = [...byClient].map(async ([number, operations]) => {
    const client = new Client(`client-${number}`, world, history);
    for (const { id, name, seed, pauseMs } of operations) {
      await client.sleep(pauseMs);
      await OPERATIONS.find((operation) => operation.name === name)!.run(client, id, randomFrom(seed));
    }
  });
  await Promise.all(clients);
  span.to = world.scheduler.count;
  world.heal(NO_FAULTS);
  await comeToRest(admin);
}
