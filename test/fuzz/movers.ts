/**
 * What moves in a broker without a request: schedules, dead letters, replays, transactions that end, queues that expire. A
 * change beside a refused request is judged by it: something that says of itself that it moved just then explains the change,
 * and the request is sent again when nothing moves any more. One that nothing explains is a fault.
 */

import { isName } from '../../protocol/names/name-rule.ts';
import type { DeadLetterList } from '../../protocol/schemas/dead-letters.ts';
import type { FetchReply } from '../../protocol/schemas/records.ts';
import type { ScheduleWithStateReply } from '../../protocol/schemas/schedules.ts';
import type { TransactionState } from '../../protocol/schemas/transactions.ts';
import type { TestBroker } from '../support/broker/test-broker.ts';
import { call } from './requests/call.ts';
import { LIVING_NAMES, NAMES } from './values/schema-values.ts';
import { difference, snapshot, type Difference, type Snapshot } from './snapshot.ts';

const TRANSACTIONAL_IDS = NAMES.filter(isName);

/** An answer comes a little after what it tells of. */
const SLACK_MS = 1_500;
const QUIET_MS = 250;
const QUIET_MS_MAX = 5_000;

/** Operations whose effects may come after the answer: what is decided is sent until it has arrived. */
const LASTING_EFFECTS = new Set([
  'commitTransaction',
  'abortTransaction',
  'makeProducer',
  'replayDeadLetters',
]);

export class Movers {
  readonly #broker: TestBroker;
  /** When a request with lasting effects was answered. */
  readonly #effects: { operation: string; ms: number }[] = [];

  /** Records that were found and that nothing explains. */
  readonly strange: string[] = [];

  constructor(broker: TestBroker) {
    this.#broker = broker;
  }

  /** Notes a request that succeeded. What is answered with 202 is stored afterwards. */
  note(operation: string, status: number): void {
    if (status === 202 || LASTING_EFFECTS.has(operation)) this.#effects.push({ operation, ms: Date.now() });
    if (this.#effects.length > 20) this.#effects.shift();
  }

  /** What says of itself that it has moved since, as words: `schedule`, `dead letter`, ... */
  async since({ atMs, ends, isExpiring, isCleaning }: Snapshot, { part }: Difference): Promise<string[]> {
    const fromMs = atMs - SLACK_MS;
    const isLog = part === 'log ends';
    const [kind = '', name = ''] = part.split(' ');
    const found: string[] = [];
    if (kind === 'queue') found.push(...(await this.#intoQueue(name, fromMs)));
    if (isLog) found.push(...(await this.#intoTopics(ends)));
    if (part === 'log starts' && isCleaning) found.push('retention');
    if (kind === 'queue' || isLog) found.push(...(await this.#schedules(fromMs)));
    if (kind === 'queue' || isLog || kind === 'offsets')
      found.push(...this.#effects.filter(({ ms }) => ms >= fromMs).map(({ operation }) => operation));
    if (kind === 'offsets' && (await this.#hasEnded())) found.push('transaction timeout');
    if (['queues', 'exchanges', 'bindings'].includes(part) && isExpiring) found.push('expiry');
    return found;
  }

  /** Stops what can be stopped, and waits until nothing moves. Gives the state then. */
  async quiet(): Promise<Snapshot> {
    await this.stop();
    const endMs = Date.now() + QUIET_MS_MAX;
    let before = await snapshot(this.#broker);
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      const after = await snapshot(this.#broker);
      if (difference(before, after) === null || Date.now() > endMs) return after;
      before = after;
    }
  }

  async stop(): Promise<void> {
    const { schedules } = await this.#get<{ schedules: { schedule: string }[] }>('/schedules');
    for (const { schedule } of schedules)
      await call(this.#broker, 'DELETE', `/v1/default/schedules/${schedule}`);
    for (const queue of LIVING_NAMES) {
      const path = `/queues/${queue}/dead-letters/replays`;
      const { replays = [] } = await this.#get<{ replays?: { id: string; state: string }[] }>(path);
      for (const { id, state } of replays)
        if (state === 'running') await call(this.#broker, 'DELETE', `/v1/default${path}/${id}`);
    }
  }

  async #intoQueue(queue: string, fromMs: number): Promise<string[]> {
    const from = encodeURIComponent(new Date(fromMs).toISOString());
    const path = `/queues/${queue}/dead-letters?self=true&limit=1&from=${from}`;
    const { dead_letters: dead = [] } = await this.#get<Partial<DeadLetterList>>(path);
    return dead.map(({ metadata }) => `dead letter of ${metadata.died_in}`);
  }

  /** Dead letters of queues and share groups may go to topics. A record that is none is said with its headers. */
  async #intoTopics(ends: Snapshot['ends']): Promise<string[]> {
    const found: string[] = [];
    for (const [topic, end] of Object.entries(ends)) {
      if (end === null) continue;
      const path = `/topics/${topic}/partitions/0/records?offset=${end}`;
      const { records = [], next_offset: next = end } = await this.#get<Partial<FetchReply>>(path);
      // Markers take offsets, and are not seen.
      if (next - end > records.length && (await this.#hasEnded())) found.push('transaction timeout');
      for (const { headers = {} } of records)
        if (Object.keys(headers).some((name) => /death/.test(name))) found.push('dead letter');
        else this.strange.push(`${topic}: ${JSON.stringify(headers).slice(0, 300)}`);
    }
    return found;
  }

  async #schedules(fromMs: number): Promise<string[]> {
    const { schedules } = await this.#get<{ schedules: { schedule: string }[] }>('/schedules');
    const states = await Promise.all(
      schedules.map(({ schedule }) => this.#get<ScheduleWithStateReply>(`/schedules/${schedule}`)),
    );
    return states
      .filter(({ state }) => (state.last?.at ?? 0) >= fromMs)
      .map(({ state }) => `schedule by ${state.last!.by}`);
  }

  async #isEnding(): Promise<boolean> {
    return (await this.#transactions()).some(({ state }) => state === 'committing' || state === 'aborting');
  }

  /** Some transaction has ended by its time. */
  async #hasEnded(): Promise<boolean> {
    const transactions = await this.#transactions();
    return (await this.#isEnding()) || transactions.some(({ last }) => last?.reason === 'timeout');
  }

  #transactions(): Promise<Partial<TransactionState>[]> {
    return Promise.all(
      // Requests draw transactional ids from all names that are some.
      TRANSACTIONAL_IDS.map((name) => this.#get<Partial<TransactionState>>(`/transactions/${name}`)),
    );
  }

  async #get<Body>(path: string): Promise<Body> {
    return (await call<Body>(this.#broker, 'GET', `/v1/default${path}`)).body;
  }
}
