/**
 * Hand-out: delivers messages to consumers that ask and to those that wait. A task of the alarm covers what becomes
 * possible by time alone (the turn of another single active consumer), and what could not be handed out at once.
 */

import { readyCount } from '../../../core/queue/state/queue-machine.ts';
import { handOverMs, mayConsume } from '../../../core/queue/deliver/single-active.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import type { Alarm } from '../../runtime/alarm.ts';
import type { Consumers, Poll } from './consumers.ts';
import type { Open } from '../time/queue-tasks.ts';
import { releaseOf } from './settle-message.ts';
import type { StepContext, StoredQueue } from '../stored-queue.ts';

const TASK = 'serve';

/** After the storage has failed, in ms. */
const RETRY_MS = 1_000;

export interface HandOutHost {
  now(): number;
  open(): Open | null;
  context(): StepContext;
  /** Messages were handed to some who waited. */
  handedOut(open: Open): void;
}

export class HandOut {
  readonly #alarm: Alarm;
  readonly #consumers: Consumers;
  readonly #host: HandOutHost;
  /** True until the first serve after a start of the object: consumers may wait since before. */
  #isNew = true;

  constructor(alarm: Alarm, consumers: Consumers, host: HandOutHost) {
    this.#alarm = alarm;
    this.#consumers = consumers;
    this.#host = host;
    alarm.register(TASK, () => this.#serveOrRetry());
  }

  /** Returns why the consumer gets nothing; null if it may get messages. */
  refusal({ definition: { name, config } }: Open, consumerId: string): Failure | null {
    if (!config.single_active_consumer || consumerId !== '') return null;
    return failure(
      'consumer_id_required',
      `queue "${name}" serves one consumer at a time: one that polls has to say who it is, by consumer_id`,
    );
  }

  /** A step: takes messages for a consumer that asks now. */
  takeAsked(queue: StoredQueue, request: Poll, context: StepContext): Uint8Array | null {
    queue.noteSeen(request.consumerId, context.nowMs);
    return this.#take(queue, request, request.max, context);
  }

  /** Delivers ready messages to waiting consumers. Never throws: the alarm repeats what fails. */
  serve(): void {
    this.#alarm.scheduleEarlier(TASK, this.#serveOrRetry());
  }

  /** Before anything else that a start of the object was for. */
  serveIfNew(): void {
    if (this.#isNew) this.serve();
  }

  cancel(): void {
    this.#alarm.schedule(TASK, null);
  }

  /** @returns when to look again, in ms; null if nothing follows from time alone */
  #serveOrRetry(): number | null {
    this.#isNew = false;
    const open = this.#host.open();
    if (!open) return null;
    try {
      this.#serve(open);
      return this.#turnMs(open.queue);
    } catch (error) {
      console.error(`queue ${open.definition.name} could not hand out messages; trying again`, error);
      return this.#host.now() + RETRY_MS;
    }
  }

  #serve(open: Open): void {
    const { queue } = open;
    if (queue.state.isPaused) return;
    const context = this.#host.context();
    this.#consumers.noteEndedLeases(queue.takeEndedLeases());
    const sends = queue.commit(() =>
      this.#consumers.serve({
        ready: () => readyCount(queue.state),
        leasedBy: (consumerId) => queue.leasedBy(consumerId),
        take: (poll, max) => this.#take(queue, poll, max, context),
      }),
    );
    const unsent = sends.flatMap((send) => send() ?? []);
    if (sends.length > 0) this.#host.handedOut(open);
    if (unsent.length === 0) return;
    queue.commit(() => queue.settleRuns(unsent.flatMap(releaseOf), undefined, context));
    this.#serve(open); // others may want what these could not be given
  }

  #take(queue: StoredQueue, request: Poll, max: number, context: StepContext): Uint8Array | null {
    const { consumerId, bytesMax } = request;
    if (!mayConsume(queue.state, consumerId, this.#consumers, context.nowMs)) return null;
    const leaseMs = request.leaseMs ?? queue.state.config.lease_ms;
    return queue.deliver({ max, bytesMax, leaseMs, consumerId, autoAck: request.autoAck ?? false }, context);
  }

  /** Returns when a waiting consumer may become the active one; null if time alone does not decide it. */
  #turnMs({ state }: StoredQueue): number | null {
    const active = state.activeConsumer;
    if (!active || state.isPaused || readyCount(state) === 0) return null;
    if (!this.#consumers.othersWait(active.id)) return null;
    const nowMs = this.#host.now();
    const atMs = handOverMs(state, this.#consumers, nowMs);
    return atMs > nowMs && atMs < Infinity ? atMs : null;
  }
}
