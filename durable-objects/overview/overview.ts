/**
 * Overview object: what the queues and partitions of a namespace have reported of themselves. An object that rests is not asked, and
 * has nothing to say. One that has changed reports it once; then it is asked every ten seconds, until nothing has changed.
 */

import { DurableObject } from 'cloudflare:workers';
import { AskedObjects } from '../../core/overview/asked-objects.ts';
import type { CeilingUse } from '../../core/overview/ceiling-problem.ts';
import {
  isForgotten,
  keyOf,
  saysTheSame,
  type Forgotten,
  type ObjectReport,
} from '../../core/overview/object-report.ts';
import type { MetricsSnapshot } from '../../core/metrics/snapshot.ts';
import type { SubscriptionReport } from '../../core/metrics/subscription-report.ts';
import type { RestingPlace } from '../../core/subscription/rest.ts';
import { OverviewBook } from '../../core/overview/overview-book.ts';
import type { Env } from '../env.ts';
import type { OverviewMethods } from '../rpc/overview.ts';
import { Alarm } from '../runtime/alarm.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import { partitionStub, queueStub } from '../stubs.ts';
import { OverviewStore } from './overview-store.ts';
import { SubscriptionReports } from './subscription-reports.ts';

/** How many deletions are remembered, so that a report that was under way meanwhile brings nothing back. */
const FORGOTTEN_MAX = 1_000;

/** Objects that are asked at the same time. */
const FAN_OUT = 32;

/** An object that reported within this time before the overview woke is asked again: it may count on that. */
const ASKED_BEFORE_MS = 120_000;

const TASK = 'ask';

export class Overview extends DurableObject<Env> implements OverviewMethods {
  readonly #sql: DurableSql;
  readonly #asked = new AskedObjects();
  readonly #forgotten: Forgotten[] = [];
  #alarm!: Alarm;
  #store: OverviewStore;
  #subscriptions: SubscriptionReports;
  #book!: OverviewBook;
  #asking: Promise<void> | null = null;
  /** What was made up to this topology version is deleted, with its namespace. */
  #floor = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = new DurableSql(ctx.storage);
    this.#store = new OverviewStore(this.#sql);
    this.#subscriptions = new SubscriptionReports(this.#sql);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => this.now());
      this.#alarm.register(TASK, () => {
        this.#asking ??= this.#ask().finally(() => (this.#asking = null));
        ctx.waitUntil(this.#asking);
        return null; // it says itself when to ask again
      });
      this.#read();
      const sinceMs = this.now() - ASKED_BEFORE_MS;
      for (const { report, atMs } of this.#book.entries)
        if (atMs > sinceMs) this.#asked.changed(keyOf(report));
      this.#schedule();
    });
  }

  report(report: ObjectReport): void {
    this.#alarm.runDue();
    this.#take([report]);
    this.#schedule();
  }

  forget(what: Forgotten): void {
    this.#forgotten.push(what);
    if (this.#forgotten.length > FORGOTTEN_MAX) this.#forgotten.shift();
    const keys = this.#book.forget(what);
    for (const key of keys) this.#asked.rests(key);
    if (keys.length === 0) return;
    this.#stored(() => this.#store.remove(keys, this.#book.gone, (key) => this.#book.get(key)));
    this.#tellFollowers();
  }

  reportSubscription(report: SubscriptionReport): void {
    if (report.id > this.#floor) this.#subscriptions.put(report);
  }

  restless(places: readonly RestingPlace[]): number[] {
    const ends = this.#book.endsOf(new Set(places.map(({ topicId }) => topicId)));
    return places
      .filter((place) => !this.#subscriptions.rests(place, ends.get(place.topicId) ?? []))
      .map(({ id }) => id);
  }

  forgetSubscription(name: string, id: number): void {
    this.#subscriptions.remove(name, id);
  }

  noteCeiling(use: CeilingUse | null): void {
    if (JSON.stringify(use) === JSON.stringify(this.#book.ceiling)) return;
    this.#stored(() => this.#store.putCeiling(use));
    this.#book.ceiling = use;
    this.#tellFollowers();
  }

  async erase(floor: number): Promise<void> {
    this.#floor = floor;
    this.#asked.clear();
    this.#alarm.forgetAll();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#store = new OverviewStore(this.#sql);
    this.#subscriptions = new SubscriptionReports(this.#sql);
    this.#read();
  }

  overview(limit: number): string {
    return JSON.stringify(this.#book.overview(limit, this.now()));
  }

  queues(names: readonly string[]): string {
    return JSON.stringify(this.#book.queuesNamed(new Set(names), this.now()));
  }

  fullestQueues(from: number, limit: number): string {
    return JSON.stringify(this.#book.fullestQueues(from, limit, this.now()));
  }

  lags(kind: 'topics' | 'groups', names: readonly string[]): string {
    return JSON.stringify(this.#book.lags(kind, new Set(names), this.now()));
  }

  metrics(): string {
    const subscriptions = this.#subscriptions.metrics();
    return JSON.stringify({ ...this.#book.metrics(this.now()), subscriptions } satisfies MetricsSnapshot);
  }

  storedBytes(): number {
    return this.#book.storedBytes();
  }

  /** Somebody follows the overview: a socket that is told of each change, while the object may sleep. */
  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(): void {} // followers have nothing to say

  override webSocketClose(socket: WebSocket): void {
    try {
      socket.close(1000, 'done'); // a peer that has left does not close its side of a hibernated socket
    } catch {
      // It is closed.
    }
  }

  override webSocketError(): void {}

  override async alarm(): Promise<void> {
    this.#alarm.fired();
    await this.#asking;
  }

  /** Rows that it has written since it woke, with its alarms. */
  protected get rowsWritten(): number {
    return this.#sql.meter.rowsWritten + this.#alarm.timesSet;
  }

  /** The clock. Tests replace it. */
  protected now(): number {
    return Date.now();
  }

  /** Asks all objects that may have changed, and stores their answers together. */
  async #ask(): Promise<void> {
    const keys = this.#asked.next(this.now());
    const reports: ObjectReport[] = [];
    for (let first = 0; first < keys.length; first += FAN_OUT) {
      const answers = await Promise.all(keys.slice(first, first + FAN_OUT).map((key) => this.#answerOf(key)));
      reports.push(...answers.filter((answer) => answer !== null));
    }
    try {
      this.#take(reports);
    } catch (error) {
      console.error('what has changed could not be stored', error);
    }
    this.#schedule();
  }

  async #answerOf(key: string): Promise<ObjectReport | null> {
    const entry = this.#book.get(key);
    if (!entry) return null;
    const { report } = entry;
    try {
      const answer = await this.#stubOf(report).reportChanges({ wake: report.wake, number: report.number });
      // One that has reported by itself meanwhile has changed.
      if (answer === null && this.#book.get(key) === entry) this.#asked.rests(key);
      return answer;
    } catch (error) {
      this.#asked.failed(key);
      console.error(`${report.kind} ${report.name} did not say what has changed`, error);
      return null;
    }
  }

  #stubOf(report: ObjectReport) {
    const address = { namespace: this.ctx.id.name!, name: report.name, id: report.id };
    if (report.kind === 'queue') return queueStub(this.env, address);
    const config = { jurisdiction: report.jurisdiction, location_hint: null };
    return partitionStub(this.env, { ...address, config }, report.partition);
  }

  #take(reports: readonly ObjectReport[]): void {
    const changed: string[] = [];
    for (const report of reports) {
      if (report.id <= this.#floor || this.#forgotten.some((what) => isForgotten(what, report))) continue;
      const key = keyOf(report);
      const known = this.#book.get(key);
      const entry = this.#book.entryFor(report, this.now());
      if (entry === null) continue;
      this.#asked.changed(key);
      // One that has only woken is not worth a row.
      if (!known || !saysTheSame(known.report, report)) changed.push(key);
      this.#book.put(entry);
    }
    if (changed.length === 0) return;
    this.#stored(() => this.#store.put(changed, (key) => this.#book.get(key)));
    this.#tellFollowers();
  }

  #tellFollowers(): void {
    for (const socket of this.ctx.getWebSockets()) {
      try {
        socket.send('changed');
      } catch {
        // It has left.
      }
    }
  }

  /** Memory is read again if it could not be stored. */
  #stored(store: () => void): void {
    try {
      store();
    } catch (error) {
      this.#read();
      throw error;
    }
  }

  #schedule(): void {
    this.#alarm.scheduleEarlier(TASK, this.#asked.dueMs(this.now()));
  }

  #read(): void {
    this.#book = new OverviewBook(
      this.ctx.id.name!,
      this.#store.entries(),
      this.#store.gone(),
      this.#store.ceiling(),
      this.now(),
    );
  }
}
