/**
 * Compares queues with a real RabbitMQ on generated scenarios: what is delivered in which order and whether again, what
 * is refused, what is dead-lettered and why. Exits with 1 on a difference, after printing the shortest scenario found
 * that still differs. If the two differ by design no scenario is generated; docs/rabbitmq-differences.md tells of
 * it, and the cases of queue-differences.ts hold that page to what the two do. Not part of `npm test`.
 *
 *   npm run peer:rabbitmq:queues -- [--seed 1] [--rounds 60] [--kind ttl | --kind differences]
 *
 * A round is one scenario of each kind.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { connect, type ChannelModel } from 'amqplib';
import { startBroker } from '../../../scripts/broker/broker.ts';
import { startRabbitmq } from '../../../scripts/peers/rabbitmq.ts';
import { differenceCases } from './queue-differences.ts';
import { KINDS, ScenarioGenerator, SOON_MS, type Op, type Scenario } from './queue-generate.ts';
import { PosthornQueue } from './queue-own.ts';
import { RabbitmqQueue } from './queue-peer.ts';
import type { DeadLetter, QueueSide } from './queue-side.ts';

/** Scenarios that wait run beside each other. */
const TIMED_AT_ONCE = 10;
/** What may pass between a publish and the wait: above it the expiry may have come first. */
const TIMED_STEP_MS_MAX = SOON_MS - 500;
/** After the time of expiry. */
const WAIT_MARGIN_MS = 500;
const TIMED_TRIES = 5;

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '60' },
    kind: { type: 'string' },
  },
});

interface Difference {
  /** The op after which it was seen; null: in the dead letters, when all was drained. */
  at: number | null;
  own: unknown;
  peer: unknown;
}

/** The machine was too slow for the times of the scenario. */
class TooSlow extends Error {}

class Comparison {
  readonly #url: string;
  readonly #connection: ChannelModel;
  #queues = 0;

  constructor(url: string, connection: ChannelModel) {
    this.#url = url;
    this.#connection = connection;
  }

  async run(scenario: Scenario): Promise<Difference | null> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#runOnce(scenario);
      } catch (error) {
        if (!(error instanceof TooSlow) || tries === TIMED_TRIES) throw error;
      }
    }
  }

  /** Leaves out one op after another as long as the two still differ. */
  async shorten(scenario: Scenario, difference: Difference): Promise<[Scenario, Difference]> {
    let shortest: Scenario = { ...scenario, ops: scenario.ops.slice(0, (difference.at ?? Infinity) + 1) };
    let seen = difference;
    for (let place = shortest.ops.length - 1; place >= 0; place--) {
      const shorter = { ...shortest, ops: shortest.ops.toSpliced(place, 1) };
      const still = await this.run(shorter);
      if (still) [shortest, seen] = [shorter, still];
    }
    return [shortest, seen];
  }

  pair(): { own: QueueSide; peer: QueueSide } {
    const name = `q${this.#queues++}`;
    return { own: new PosthornQueue(this.#url, name), peer: new RabbitmqQueue(this.#connection, name) };
  }

  async #runOnce(scenario: Scenario): Promise<Difference | null> {
    const { own, peer } = this.pair();
    await Promise.all([own.declare(scenario.settings), peer.declare(scenario.settings)]);
    try {
      return await compare(scenario, own, peer);
    } finally {
      await Promise.all([own.remove(), peer.remove()]);
    }
  }
}

async function compare(scenario: Scenario, own: QueueSide, peer: QueueSide): Promise<Difference | null> {
  const clock = new ExpiryClock();
  let firstId = 0;
  const both = async (at: number, ask: (side: QueueSide) => Promise<unknown>): Promise<Difference | null> => {
    const [ours, theirs] = await Promise.all([ask(own), ask(peer)]);
    note(ours);
    return isDeepStrictEqual(ours, theirs) ? null : { at, own: ours, peer: theirs };
  };
  for (const [at, op] of scenario.ops.entries()) {
    clock.before(op);
    if (op.do === 'wait') await clock.wait();
    else {
      const found = await both(at, (side) => perform(side, op, firstId));
      if (found) return found;
      if (op.do === 'publish') firstId += op.messages.length;
      // Of expired messages each notices those at the head in its own time.
      const counted = scenario.kind === 'ttl' ? null : await both(at, (side) => side.ready());
      if (counted) return counted;
    }
    clock.after(op);
  }
  const end = scenario.ops.length;
  if (scenario.kind === 'ttl') await clock.wait();
  for (const by of ['a', 'b'] as const) {
    const left = await both(end, (side) => perform(side, { do: 'leave', by }, 0));
    if (left) return left;
  }
  const drained = await both(end, (side) => side.get('a', 10_000));
  if (drained) return drained;
  await both(end, (side) => settleAll(side, 'ack'));
  const ours = await own.deadLetters(null);
  const theirs = await peer.deadLetters(ours.length);
  note(ours);
  const [a, b] = [comparable(scenario, ours), comparable(scenario, theirs)];
  return isDeepStrictEqual(a, b) ? null : { at: null, own: a, peer: b };
}

/** What was compared, so that it can be seen that the scenarios bring all of it about. */
const seen: Record<string, number> = {};

function note(answer: unknown): void {
  for (const item of Array.isArray(answer) ? (answer as (boolean | Partial<DeadLetter>)[]) : []) {
    const { reason, redelivered } = typeof item === 'object' ? item : {};
    const delivered = redelivered ? 'redelivered' : 'delivered';
    const what = typeof item === 'boolean' ? (item ? 'stored' : 'refused') : (reason ?? delivered);
    seen[what] = (seen[what] ?? 0) + 1;
  }
}

async function perform(side: QueueSide, op: Op, firstId: number): Promise<unknown> {
  switch (op.do) {
    case 'publish':
      return await side.publish(firstId, op.messages);
    case 'get':
      return await side.get(op.by, op.max);
    case 'ack':
    case 'reject':
      return await side.settle(op.by, placesOf(side.held(op.by), op.picks), op.do);
    case 'requeue':
      return await side.settle(op.by, placesOf(side.held(op.by), op.picks), op.how);
    case 'requeue-all':
      return await side.settle(op.by, everyPlace(side.held(op.by)), op.how);
    case 'leave':
      return await side.leave(op.by);
    case 'purge':
      return await side.purge();
    case 'wait':
      return undefined;
  }
}

async function settleAll(side: QueueSide, how: 'ack'): Promise<void> {
  const places = everyPlace(side.held('a'));
  if (places.length > 0) await side.settle('a', places, how);
}

function placesOf(held: number, picks: readonly number[]): number[] {
  return held === 0 ? [] : [...new Set(picks.map((pick) => pick % held))].sort((a, b) => a - b);
}

function everyPlace(held: number): number[] {
  return Array.from({ length: held }, (_, place) => place);
}

/**
 * Dead letters by reason, each in the order in which they came; if priorities or times decide when a message dies, in
 * the order of their publishing.
 */
function comparable({ kind, settings }: Scenario, dead: readonly DeadLetter[]): DeadLetter[] {
  const isOrdered = kind !== 'ttl' && settings.maxPriority === 0;
  return [...dead].sort(
    (a, b) => (a.reason < b.reason ? -1 : a.reason > b.reason ? 1 : 0) || (isOrdered ? 0 : a.id - b.id),
  );
}

/** Keeps the time of what is to expire in a `wait`. */
class ExpiryClock {
  #firstMs: number | null = null;
  #lastMs = 0;

  before(op: Op): void {
    if (op.do === 'publish') this.#firstMs ??= Date.now();
  }

  after(op: Op): void {
    if (op.do === 'publish') this.#lastMs = Date.now();
    if (op.do === 'wait') this.#firstMs = null;
  }

  async wait(): Promise<void> {
    if (this.#firstMs === null) return;
    if (Date.now() - this.#firstMs > TIMED_STEP_MS_MAX) throw new TooSlow('the machine is too slow');
    await sleep(Math.max(0, this.#lastMs + SOON_MS + WAIT_MARGIN_MS - Date.now()));
  }
}

async function compareAll(comparison: Comparison): Promise<number> {
  let passedInAll = 0;
  let failedInAll = 0;
  for (const [number, kind] of KINDS.entries()) {
    if (options.kind !== undefined && options.kind !== kind) continue;
    const generator = new ScenarioGenerator(Number(options.seed) * KINDS.length + number);
    const scenarios = Array.from({ length: Number(options.rounds) }, () => generator.scenario(kind));
    let failed = 0;
    const next = scenarios.values();
    const worker = async (): Promise<void> => {
      for (const scenario of next) {
        const difference = await comparison.run(scenario);
        if (!difference) continue;
        if (failed++ === 0) print(...(await comparison.shorten(scenario, difference)));
      }
    };
    await Promise.all(Array.from({ length: kind === 'ttl' ? TIMED_AT_ONCE : 1 }, worker));
    const ops = scenarios.reduce((sum, scenario) => sum + scenario.ops.length, 0);
    console.log(`${kind}: ${scenarios.length - failed} of ${scenarios.length} scenarios agree, ${ops} steps`);
    passedInAll += scenarios.length - failed;
    failedInAll += failed;
  }
  if (options.kind === undefined || options.kind === 'differences') {
    for (const [name, check] of Object.entries(differenceCases)) {
      const { own, peer } = comparison.pair();
      const wrong = await check(own, peer).catch((error: unknown) => String(error));
      if (wrong === null) passedInAll++;
      else {
        failedInAll++;
        console.log(`no difference as documented: ${name}\n${wrong}`);
      }
    }
    console.log(`documented differences: ${Object.keys(differenceCases).length}`);
  }
  console.log(`messages ${JSON.stringify(seen)}`);
  console.log(`seed ${options.seed}: ${passedInAll} passed, ${failedInAll} failed`);
  return failedInAll;
}

function print({ settings, ops }: Scenario, { at, own, peer }: Difference): void {
  const place = at === null ? 'in the dead letters' : at < ops.length ? `at step ${at}` : 'at the end';
  console.log(`The shortest scenario that differs, ${place}:`);
  console.log(JSON.stringify(settings));
  for (const op of ops) console.log(`  ${JSON.stringify(op)}`);
  console.log('Posthorn:', JSON.stringify(own));
  console.log('RabbitMQ:', JSON.stringify(peer));
}

const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-peer-'));
const rabbitmq = await startRabbitmq();
try {
  const broker = await startBroker({ dataPath });
  try {
    const connection = await connect(rabbitmq.url);
    process.exitCode = (await compareAll(new Comparison(broker.url, connection))) === 0 ? 0 : 1;
    await connection.close();
  } finally {
    await broker.stop();
  }
} finally {
  await rabbitmq.stop();
  await rm(dataPath, { recursive: true, force: true });
}
