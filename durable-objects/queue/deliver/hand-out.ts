/**
 * Hand-out: delivers messages to consumers that ask and to those that wait. A change that time alone brings, the turn of another
 * consumer of a single active queue, has a task of the alarm. So does what could not be delivered at once. Silent streams
 * end first; while a stream holds something, the alarm looks for silence as well.
 */

import { isOfStream } from '../../../core/queue/deliver/consumer-id.ts';
import { readyCount } from '../../../core/queue/state/queue-machine.ts';
import { handOverMs, mayConsume } from '../../../core/queue/deliver/single-active.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import { encodeDeliveryFrame, type DeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import type { Consumers, Poll, ReadyMessages } from './consumers.ts';
import type { Open } from '../time/queue-tasks.ts';
import type { DeliverRequest, SettleRequest } from '../../rpc/queue.ts';
import { holdersOf } from './inspect.ts';
import { PushFeed } from './push-feed.ts';
import { releaseOf } from './settle-message.ts';
import type { StepContext, StoredQueue } from '../stored-queue.ts';

const TASK = 'serve';
const SILENCE = 'silence';

/** After the storage has failed, in ms. */
const RETRY_MS = 1_000;

type Context = Pick<ObjectContext, 'alarm' | 'env' | 'now' | 'waitUntil'>;

export interface HandOutHost {
  open(): Open | null;
  context(): StepContext;
  /** Messages were handed to some who waited. */
  handedOut(open: Open): void;
  /** Somebody has waited until now. */
  used(open: Open): void;
  /** Streams have ended, and what they held was given back. @param consumers how many of them were no keepers */
  ended(open: Open, consumers: number): void;
  /** Nothing is leased. */
  noneLeased(): void;
}

export class HandOut {
  readonly #alarm: ObjectContext['alarm'];
  readonly #now: ObjectContext['now'];
  readonly #consumers: Consumers;
  readonly #host: HandOutHost;
  /** For subscriptions, which take messages as consumers that wait do. */
  readonly #feed: PushFeed;
  /** True until the first serve after a start of the object: consumers may wait since before. */
  #isNew = true;
  /** True until what streams held that have ended unseen is given back. */
  #mayHaveLost = true;
  /** A stream holds what it did not hold at the last look for silence. */
  #isFed = false;
  /** A stream may hold something since before it came: since the last life of the object, or what its poller took before its keeper came. */
  #mayHold = true;

  constructor(context: Context, consumers: Consumers, host: HandOutHost) {
    const { alarm, now } = context;
    this.#feed = new PushFeed(context, {
      open: () => host.open(),
      serve: () => this.serve(),
      release: (frame) => this.#giveBackFrame(frame),
      releaseAll: (consumerId) => this.#giveBackAll(consumerId),
    });
    this.#alarm = alarm;
    this.#now = now;
    this.#consumers = consumers;
    this.#host = host;
    alarm.register(TASK, () => this.#serveOrRetry());
    alarm.register(SILENCE, () => this.#lookForSilence());
  }

  /** Those that wait, and the subscriptions: as long as there is one, the queue is in use. */
  consumers(): number {
    const { subscriptions = [] } = this.#host.open()?.definition ?? {};
    return this.#consumers.count() + subscriptions.length;
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
    const frame = this.#take(queue, request, request.max, context);
    return frame && encodeDeliveryFrame(frame);
  }

  /** The reply to somebody who has come to wait, or to keep what another has taken. */
  accept(request: DeliverRequest): Response {
    const { version: _, ...poll } = request;
    const response = this.#consumers.accept(poll, this.#now());
    if (poll.keeps !== undefined) this.#mayHold = true;
    this.serve(); // for what is there, or came between the look and the wait
    return response;
  }

  /** Ends silent streams, and delivers ready messages to waiting consumers. Never throws: the alarm repeats what fails. */
  serve(): void {
    this.#alarm.scheduleEarlier(TASK, this.#serveOrRetry());
  }

  /** Somebody does not wait any more. What the consumer of a stream held goes back at once; one that polls may ask again. */
  left(socket: WebSocket): void {
    const open = this.#host.open();
    if (!open) return;
    const poll = this.#consumers.pollOf(socket);
    const stream = this.#consumers.streamOf(socket);
    if (!poll && !stream) return; // it has had its answer
    this.#host.used(open);
    if (poll) open.queue.noteSeen(poll.consumerId, this.#now());
    if (stream) this.#giveBack(open, [stream.consumerId]);
    this.serve();
    if (stream) this.#host.ended(open, stream.keeps === undefined ? 1 : 0);
  }

  /** Before anything else that a start of the object was for. */
  serveIfNew(): void {
    if (this.#isNew) this.serve();
  }

  /** A subscription that settles says what it takes from now on. */
  noteRoom({ subscription }: SettleRequest): void {
    const open = this.#host.open();
    if (open && subscription) this.#feed.noteRoom(open, subscription.name, subscription.room);
  }

  /** Nothing is leased any more: an alarm for the sake of silence would find nothing. */
  noneLeased(): void {
    const { hasSuspects } = this.#consumers;
    if (!hasSuspects && !this.#consumers.holdsAnything(() => 0)) this.#alarm.schedule(SILENCE, null);
  }

  cancel(): void {
    this.#alarm.schedule(TASK, null);
    this.#alarm.schedule(SILENCE, null);
    this.#feed.cancel();
  }

  /** @returns when to look again, in ms; null if nothing follows from time alone */
  #serveOrRetry(): number | null {
    const wasNew = this.#isNew;
    this.#isNew = false;
    const open = this.#host.open();
    if (!open) return null;
    try {
      if (wasNew) this.#feed.recover(open);
      if (this.#mayHaveLost) this.#giveBackLost(open);
      this.#mayHaveLost = false;
      this.#serve(open);
      if (this.#isFed || this.#consumers.hasSuspects || (this.#mayHold && this.#holdsAnything(open)))
        this.#alarm.scheduleEarlier(SILENCE, this.#nextSilenceMs());
      this.#isFed = false;
      this.#mayHold = false;
      return this.#turnMs(open.queue);
    } catch (error) {
      console.error(`queue ${open.definition.name} could not hand out messages; trying again`, error);
      return this.#now() + RETRY_MS;
    }
  }

  #serve(open: Open): void {
    const { queue } = open;
    const ended = queue.takeEndedLeases();
    if (this.#consumers.noteEndedLeases(ended)) this.#isFed = true;
    this.#feed.noteEndedLeases(ended);
    this.#endSilent(open);
    if (queue.state.isPaused || readyCount(queue.state) === 0 || !this.#mayTake(open)) return;
    const context = this.#host.context();
    const ready: ReadyMessages = {
      ready: () => readyCount(queue.state),
      leasedBy: (consumerId) => queue.leasedBy(consumerId),
      take: (poll, max) => this.#take(queue, poll, max, context),
    };
    const sends = queue.commit(() => [...this.#consumers.serve(ready), ...this.#feed.serve(open, ready)]);
    const unsent = sends.flatMap((send) => send() ?? []);
    if (sends.length > 0) this.#host.handedOut(open);
    if (unsent.length === 0) return;
    queue.commit(() => queue.settleRuns(unsent.flatMap(releaseOf), undefined, context));
    this.#serve(open); // others may want what these could not be given
  }

  /** Whether there may be somebody to serve: without one there is nothing to commit. */
  #mayTake({ definition: { subscriptions = [] } }: Open): boolean {
    return this.#consumers.mayWait || subscriptions.length > 0;
  }

  /** What a stream holds that is taken for gone goes back at once, as where it has closed. */
  #endSilent(open: Open): void {
    for (;;) {
      const silent = this.#consumers.silent(this.#now());
      if (silent.length === 0) return;
      this.#giveBack(
        open,
        silent.map(({ attachment }) => attachment.consumerId),
      );
      this.#consumers.endSilent(silent);
      this.#host.ended(open, silent.filter(({ attachment }) => attachment.keeps === undefined).length);
    }
  }

  /** What streams hold that have ended without a word: a crash takes their sockets with it. */
  #giveBackLost(open: Open): void {
    if (open.queue.state.leased === 0) return;
    const lost = [...holdersOf(open.queue.state)].filter(
      (id) => isOfStream(id) && !this.#consumers.isOpen(id),
    );
    if (lost.length > 0) this.#giveBack(open, lost);
  }

  /** What these held, and the role of the active consumer. */
  #giveBack({ queue }: Open, consumerIds: readonly string[]): void {
    queue.commit(() => consumerIds.forEach((id) => queue.releaseAll(id)));
    for (const id of consumerIds) queue.resign(id);
  }

  /** What a subscription did not take. Should the storage fail, the lease ends. */
  #giveBackFrame(frame: DeliveryFrame): void {
    const open = this.#host.open();
    if (!open) return;
    open.queue.commit(() => open.queue.settleRuns(releaseOf(frame), undefined, this.#host.context()));
    this.serve();
  }

  #giveBackAll(consumerId: string): void {
    const open = this.#host.open();
    if (open) this.#giveBack(open, [consumerId]);
  }

  /** @returns when to look again; null where no stream holds anything */
  #lookForSilence(): number | null {
    this.serve();
    const open = this.#host.open();
    if (open?.queue.state.leased === 0) this.#host.noneLeased();
    const isNeeded = open && (this.#consumers.hasSuspects || this.#holdsAnything(open));
    return isNeeded ? this.#nextSilenceMs() : null;
  }

  #holdsAnything({ queue }: Open): boolean {
    return this.#consumers.holdsAnything((consumerId) => queue.leasedBy(consumerId));
  }

  #nextSilenceMs(): number | null {
    const { silenceMs } = this.#consumers;
    return silenceMs === Infinity ? null : silenceMs;
  }

  #take(queue: StoredQueue, request: Poll, max: number, context: StepContext): DeliveryFrame | null {
    const { consumerId, bytesMax } = request;
    if (!mayConsume(queue.state, consumerId, this.#consumers, context.nowMs)) return null;
    const leaseMs = request.leaseMs ?? queue.state.config.lease_ms;
    if (isOfStream(consumerId)) this.#isFed = true;
    return queue.deliver({ max, bytesMax, leaseMs, consumerId, autoAck: request.autoAck ?? false }, context);
  }

  /** Returns when a waiting consumer may become the active one; null if time alone does not decide it. */
  #turnMs({ state }: StoredQueue): number | null {
    const active = state.activeConsumer;
    if (!active || state.isPaused || readyCount(state) === 0) return null;
    if (!this.#consumers.othersWait(active.id)) return null;
    const nowMs = this.#now();
    const atMs = handOverMs(state, this.#consumers, nowMs);
    return atMs > nowMs && atMs < Infinity ? atMs : null;
  }
}
