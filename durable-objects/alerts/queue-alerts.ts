/**
 * Alerts of one queue. The queue evaluates a rule when a commit has changed its metric, and when time alone will cross
 * its threshold. A queue without a matching rule does nothing here.
 *
 *   depth              looked at after each commit: a number in memory
 *   oldest_age_ms      looked at when the oldest message that is known of will cross the threshold, or while it is above
 *   dead_letter_rate   counted with each commit, looked at again when enough of what was counted is a minute old
 */

import type { AlertRule } from '../../core/alerts/alert-rule.ts';
import { OK, stepAlert } from '../../core/alerts/alert-state.ts';
import { noticeOf, type NoticeCause } from '../../core/alerts/notice.ts';
import { RateWindow } from '../../core/alerts/rate-window.ts';
import { readyCount, type QueueMachine } from '../../core/queue/state/queue-machine.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { QueueAlert } from '../../protocol/schemas/queue-alerts.ts';
import type { ObjectContext } from '../runtime/context.ts';
import { AlertStore, type StoredAlertState } from './alert-store.ts';
import { NoticeSender } from './notice-sender.ts';

/** The metrics that alerts use. */
export interface WatchedQueue {
  readonly state: Readonly<QueueMachine>;
  /** When the oldest ready message was published, in ms. Reads a segment for each lane that has messages. */
  oldestMs(): number | null;
}

/** The time between two reads of the oldest message while it is too old, in ms: each commit may have settled it. */
const AGE_INTERVAL_MS = 1_000;

/** After an evaluation has failed. */
const RETRY_DELAY_MS = 30_000;

/** What a rule looks at. */
interface Sample {
  value: number;
  /** When it began to be above the threshold, if that is known. */
  aboveSinceMs?: number;
  /** When time alone will cross the threshold; null if never. */
  crossesMs: number | null;
}

interface Kept {
  store: AlertStore;
  sender: NoticeSender;
  states: Map<string, StoredAlertState>;
}

export class QueueAlerts {
  readonly #context: ObjectContext;
  readonly #queue: () => WatchedQueue | null;
  #definition: QueueDefinition | null = null;
  #rules: readonly AlertRule[] = [];
  /** Null if no rule has ever matched the queue. */
  #kept: Kept | null = null;
  #deaths = new RateWindow();
  /** Dead letters that are in the window, of those counted since the object woke. */
  #deathsSeen = 0;
  /** When the oldest message was looked at last, and how many were returned then: more may have brought older ones. */
  #looked = { atMs: -Infinity, returned: 0 };
  /** By rule: when it has to be looked at again. */
  readonly #dues = new Map<string, number | null>();

  constructor(context: ObjectContext, queue: () => WatchedQueue | null) {
    this.#context = context;
    this.#queue = queue;
    context.alarm.register('alerts', () => this.#evaluate(true));
  }

  /** Takes the rules of a queue that was made, was changed, or has just been read from its rows. */
  configure(definition: QueueDefinition): void {
    const before = this.#rules;
    this.#definition = definition;
    this.#rules = definition.alerts ?? [];
    if (definition.alerts === undefined) return;
    this.#deathsSeen = this.#kept ? this.#deathsSeen : this.#deathsCounted();
    this.#kept ??= this.#open();
    this.#forgetRemoved(this.#kept, before, definition);
    this.#dues.clear();
    this.#schedule(this.#evaluate(true));
  }

  cancel(): void {
    this.#kept?.sender.cancel();
    this.#kept = null;
    this.#rules = [];
    this.#context.alarm.schedule('alerts', null);
  }

  /**
   * After a commit.
   * @param isByTime messages may have come back that are older than those which were there
   */
  changed(isByTime = false): void {
    if (this.#rules.length > 0) this.#schedule(this.#evaluate(isByTime));
  }

  describe(): QueueAlert[] {
    if (this.#rules.length === 0 || !this.#kept) return [];
    const waiting = Map.groupBy(this.#kept.store.notices(), ({ rule }) => rule);
    return this.#rules.map(({ name, id }) => {
      const { phase, sinceMs } = this.#stateOf(name, id);
      return { alert: name, state: phase, since: sinceMs, undelivered: waiting.get(name)?.length ?? 0 };
    });
  }

  #open(): Kept {
    const store = new AlertStore(this.#context.sql);
    this.#deaths = new RateWindow(store.deaths());
    const webhookOf = (name: string) => this.#rules.find((rule) => rule.name === name)?.webhook ?? null;
    const sender = new NoticeSender(this.#context, store, webhookOf);
    return { store, sender, states: store.states() };
  }

  /** Returns when to evaluate again. A failure here must not fail the commit before it. */
  #evaluate(isByTime: boolean): number | null {
    const queue = this.#queue();
    const kept = this.#kept;
    if (!queue || !kept || this.#rules.length === 0) return null;
    const nowMs = this.#context.now();
    try {
      this.#countDeaths(kept, nowMs);
      const oldestMs = this.#lookAtOldest(queue, nowMs, isByTime);
      for (const rule of this.#rules) {
        const sample = this.#sample(rule, queue, oldestMs, nowMs);
        this.#dues.set(rule.name, sample ? this.#step(kept, rule, sample, nowMs) : this.#dueUnseen(rule));
      }
      const dues = [...this.#dues.values()].filter((due) => due !== null);
      return dues.length === 0 ? null : Math.min(...dues);
    } catch (error) {
      console.error('alerts could not be evaluated; trying again', error);
      kept.states = kept.store.states();
      return nowMs + RETRY_DELAY_MS;
    }
  }

  /** Null if the rule is not looked at now. */
  #sample({ metric, threshold }: AlertRule, queue: WatchedQueue, oldestMs: number | null, nowMs: number) {
    const ready = readyCount(queue.state);
    if (metric === 'depth') return { value: ready, crossesMs: null } satisfies Sample;
    if (metric === 'dead_letter_rate') {
      const crossesMs = this.#deaths.fallsToMs(threshold, nowMs);
      return { value: this.#deaths.count(nowMs), crossesMs } satisfies Sample;
    }
    if (ready === 0) return { value: 0, crossesMs: null } satisfies Sample;
    if (oldestMs === null) return null;
    const value = Math.max(0, nowMs - oldestMs);
    const crossesMs = oldestMs + threshold + 1;
    return (
      value > threshold ? { value, aboveSinceMs: crossesMs, crossesMs: null } : { value, crossesMs }
    ) satisfies Sample;
  }

  /** Returns when to look again. */
  #step(
    kept: Kept,
    rule: AlertRule,
    { value, aboveSinceMs, crossesMs }: Sample,
    nowMs: number,
  ): number | null {
    const state = this.#stateOf(rule.name, rule.id);
    const step = stepAlert(state, rule, value, nowMs, aboveSinceMs);
    if (step.state !== state) {
      const began = step.state.aboveSinceMs ?? state.aboveSinceMs ?? nowMs;
      const cause = step.notice && {
        kind: step.notice,
        ...(step.notice === 'recovered' && { reason: 'below_threshold' as const }),
        value,
        aboveSinceMs: began,
        nowMs,
      };
      kept.store.transaction(() => {
        kept.store.putState(rule.name, { ...step.state, id: rule.id });
        if (cause) this.#addNotice(kept, rule, cause);
      });
      kept.states.set(rule.name, { ...step.state, id: rule.id });
      if (cause) kept.sender.wake();
    }
    if (step.lookAgainMs === null || crossesMs === null) return step.lookAgainMs ?? crossesMs;
    return Math.min(step.lookAgainMs, crossesMs);
  }

  /** For a rule on the age that was not looked at, because the oldest message can hardly have changed. */
  #dueUnseen({ name, id }: AlertRule): number | null {
    const due = this.#dues.get(name) ?? null;
    if (this.#stateOf(name, id).phase === 'ok') return due;
    return Math.min(due ?? Infinity, this.#looked.atMs + AGE_INTERVAL_MS);
  }

  /** When the oldest message was published; null if that was not looked at, or there is none. */
  #lookAtOldest(queue: WatchedQueue, nowMs: number, isByTime: boolean): number | null {
    const rules = this.#rules.filter(({ metric }) => metric === 'oldest_age_ms');
    if (rules.length === 0) return null;
    const { returned } = queue.state;
    const isLater = nowMs >= this.#looked.atMs + AGE_INTERVAL_MS;
    const mustLook = rules.some(({ name, id }) =>
      this.#stateOf(name, id).phase === 'ok' ? this.#dues.get(name) == null : isLater,
    );
    const mayBeOlder = returned > this.#looked.returned;
    this.#looked.returned = returned;
    if (!isByTime && !mustLook && !mayBeOlder) return null;
    this.#looked.atMs = nowMs;
    return queue.oldestMs();
  }

  #countDeaths(kept: Kept, nowMs: number): void {
    const counted = this.#deathsCounted();
    const more = counted - this.#deathsSeen;
    this.#deathsSeen = counted;
    if (more <= 0 || !this.#rules.some(({ metric }) => metric === 'dead_letter_rate')) return;
    this.#deaths.add(more, nowMs);
    kept.store.putDeaths(this.#deaths.toStored());
  }

  #deathsCounted(): number {
    return this.#queue()?.state.counters.deadLettered ?? 0;
  }

  /** Ends the alerts of deleted rules. A receiver of `alert.firing` gets `alert.recovered`. */
  #forgetRemoved(kept: Kept, before: readonly AlertRule[], definition: QueueDefinition): void {
    const nowMs = this.#context.now();
    for (const [name, state] of kept.states) {
      if (this.#rules.some((rule) => rule.name === name && rule.id === state.id)) continue;
      const rule = before.find((each) => each.name === name && each.id === state.id);
      kept.store.transaction(() => {
        kept.store.removeState(name);
        if (state.phase !== 'firing' || !rule || state.aboveSinceMs === null) return;
        const value = this.#valueOf(rule, nowMs);
        const { aboveSinceMs } = state;
        this.#addNotice(
          kept,
          rule,
          { kind: 'recovered', reason: 'rule_deleted', value, aboveSinceMs, nowMs },
          definition,
        );
      });
      kept.states.delete(name);
    }
    kept.sender.wake();
  }

  #valueOf(rule: AlertRule, nowMs: number): number {
    const queue = this.#queue();
    if (!queue) return 0;
    return this.#sample(rule, queue, queue.oldestMs(), nowMs)?.value ?? 0;
  }

  #addNotice(kept: Kept, rule: AlertRule, cause: NoticeCause, definition = this.#definition!): void {
    kept.store.addNotice(rule.name, {
      messageId: `msg_${crypto.randomUUID()}`,
      body: JSON.stringify(noticeOf(rule, definition, cause)),
      webhook: rule.webhook,
      attempts: 0,
      firstMs: cause.nowMs,
      dueMs: cause.nowMs,
    });
  }

  #stateOf(name: string, id: number): StoredAlertState {
    const state = this.#kept?.states.get(name);
    return state?.id === id ? state : { ...OK, id };
  }

  #schedule(dueMs: number | null): void {
    this.#context.alarm.schedule('alerts', dueMs);
  }
}
