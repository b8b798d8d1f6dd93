/** Reporter of a subscription: tells the overview how pushes go, at once after a rest and then every ten seconds at most. */

import type { SubscriptionReport } from '../../core/metrics/subscription-report.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { SubscriptionState } from '../../protocol/schemas/subscriptions.ts';
import type { Env } from '../env.ts';
import type { Alarm } from '../runtime/alarm.ts';
import { overviewStub } from '../stubs.ts';

const TASK = 'report';

const REPORT_MS = 10_000;

export interface ReportedState {
  state: SubscriptionState;
  restsAt: string | null;
}

export interface ReporterHost {
  readonly env: Env;
  readonly alarm: Alarm;
  now(): number;
  waitUntil(work: Promise<unknown>): void;
  definition(): SubscriptionDefinition | null;
  /** Asks the partitions of a topic where they end. Null: it does not know its definition. */
  state(): Promise<ReportedState | null>;
}

export class SubscriptionReporter {
  readonly #host: ReporterHost;
  #sentMs = -Infinity;

  constructor(host: ReporterHost) {
    this.#host = host;
    host.alarm.register(TASK, () => {
      this.#send();
      return null;
    });
  }

  /** Something has changed that a report tells. */
  changed(): void {
    if (!this.#host.definition()) return; // a request that outlives its subscription would set an alarm for nobody
    const dueMs = this.#sentMs + REPORT_MS;
    if (dueMs <= this.#host.now()) this.#send();
    else this.#host.alarm.scheduleEarlier(TASK, dueMs); // a timer would keep the object in memory
  }

  /** The subscription is deleted. */
  gone({ namespace, name, id }: SubscriptionDefinition): void {
    this.#host.waitUntil(overviewStub(this.#host.env, namespace).forgetSubscription(name, id).catch(failed));
  }

  #send(): void {
    this.#sentMs = this.#host.now();
    this.#host.waitUntil(this.#report().catch(failed));
  }

  async #report(): Promise<void> {
    const reported = await this.#host.state();
    const definition = this.#host.definition();
    if (!reported || !definition) return;
    const { state, restsAt } = reported;
    const { namespace, name: subscription, id, pauseReason } = definition;
    const report: SubscriptionReport = {
      subscription,
      id,
      pushed: state.pushed,
      failed: state.failed,
      filtered: state.filtered,
      held: state.held,
      inFlight: state.in_flight,
      open: Number(state.breaker !== 'closed'),
      paused: Number(pauseReason !== null),
      lag: state.lag,
      deadLettersWaiting: state.dead_letters_waiting,
      restsAt,
    };
    await overviewStub(this.#host.env, namespace).reportSubscription(report);
  }
}

function failed(error: unknown): void {
  console.error('a subscription could not report to the overview', error);
}
