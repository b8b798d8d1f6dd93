/**
 * Push feed: hands messages to the subscriptions of a queue, in the commit that makes them ready, as to consumers that wait. What
 * a subscription holds is leased to it. Each tells with every answer and every settlement how much it takes from then on; what
 * one cannot take goes back at once, and a lease that ends brings back what is lost with its object.
 */

import { consumerOfSubscription, type QueueSubscription } from '../../../core/topology/subscriptions.ts';
import { encodeDeliveryFrame, type DeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import { DELIVER_BYTES_MAX } from '../../../protocol/limits.ts';
import type { PushAnswer, PushRoom } from '../../rpc/subscription.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import { subscriptionStub } from '../../stubs.ts';
import type { Open } from '../time/queue-tasks.ts';
import type { Poll, ReadyMessages } from './consumers.ts';

const TASK = 'pushes';

/** After a subscription did not answer, or does not know itself yet, in ms. */
const RETRY_MS = 1_000;

/** Of one call. */
const FRAME_BYTES_MAX = DELIVER_BYTES_MAX / 2;

const WHOLE: PushRoom = { life: '', number: 0, untilMs: 0, max: null };

type Context = Pick<ObjectContext, 'alarm' | 'env' | 'now' | 'waitUntil'>;

export interface FeedHost {
  open(): Open | null;
  serve(): void;
  /** Gives back what a subscription did not take. */
  release(frame: DeliveryFrame): void;
  /** Gives back all that a consumer holds. */
  releaseAll(consumerId: string): void;
}

export class PushFeed {
  readonly #context: Context;
  readonly #host: FeedHost;
  /** By consumer id. */
  readonly #rooms = new Map<string, PushRoom>();
  /** Consumer ids that are asked what they hold. */
  readonly #asked = new Set<string>();

  constructor(context: Context, host: FeedHost) {
    this.#context = context;
    this.#host = host;
    context.alarm.register(TASK, () => {
      host.serve();
      return null;
    });
  }

  /** The queue has woken: leases may stand for what their subscription has lost meanwhile. */
  recover(open: Open): void {
    for (const subscription of open.definition.subscriptions ?? []) {
      if (open.queue.leasedBy(consumerOfSubscription(subscription)) === 0) continue;
      this.#asked.add(consumerOfSubscription(subscription));
      this.#context.waitUntil(this.#ask(open, subscription));
    }
  }

  /** A subscription says what it takes from now on. */
  noteRoom(open: Open, name: string, room: PushRoom): void {
    const subscription = open.definition.subscriptions?.find((other) => other.name === name);
    if (subscription) this.#note(consumerOfSubscription(subscription), room);
  }

  /** Leases have ended: whoever held them may have lost all else, and what it said of itself. */
  noteEndedLeases(ended: ReadonlyMap<string, number>): void {
    for (const consumerId of ended.keys()) this.#rooms.delete(consumerId);
  }

  /** A step: takes messages for the subscriptions. Returns what sends them, once they are stored. */
  serve({ definition }: Open, queue: ReadyMessages): (() => null)[] {
    const { subscriptions = [] } = definition;
    if (subscriptions.length === 0 || queue.ready() === 0) return [];
    const sends: (() => null)[] = [];
    const nowMs = this.#context.now();
    for (const subscription of subscriptions) {
      const consumerId = consumerOfSubscription(subscription);
      const { untilMs, max } = this.#rooms.get(consumerId) ?? WHOLE;
      if (this.#asked.has(consumerId)) continue;
      if (untilMs > nowMs) {
        this.#context.alarm.scheduleEarlier(TASK, untilMs);
        continue;
      }
      const room = (max ?? subscription.window) - queue.leasedBy(consumerId);
      if (room <= 0) continue;
      const { leaseMs } = subscription;
      const poll: Poll = { max: room, bytesMax: FRAME_BYTES_MAX, consumerId, leaseMs };
      const frame = queue.take(poll, room);
      if (frame === null) continue;
      sends.push(() => {
        this.#context.waitUntil(this.#send(definition, subscription, frame));
        return null;
      });
      if (queue.ready() === 0) break;
    }
    return sends;
  }

  cancel(): void {
    this.#context.alarm.schedule(TASK, null);
  }

  /** Never rejects. */
  async #send(
    { namespace, name, id, version }: Open['definition'],
    subscription: QueueSubscription,
    frame: DeliveryFrame,
  ): Promise<void> {
    const consumerId = consumerOfSubscription(subscription);
    let answer: PushAnswer = null;
    try {
      const stub = subscriptionStub(this.#context.env, { namespace, ...subscription });
      answer = await stub.push({ name, id, version }, encodeDeliveryFrame(frame));
    } catch (error) {
      console.error(`queue ${name} could not hand messages to subscription ${subscription.name}`, error);
    }
    if (this.#host.open()?.definition.id !== id) return;
    if (answer) this.#note(consumerId, answer.room);
    if (answer?.taken === true) return;
    if (!answer) this.#rooms.set(consumerId, { ...WHOLE, untilMs: this.#context.now() + RETRY_MS });
    this.#host.release(frame);
  }

  async #ask({ definition }: Open, subscription: QueueSubscription): Promise<void> {
    const consumerId = consumerOfSubscription(subscription);
    try {
      const { namespace } = definition;
      const held = await subscriptionStub(this.#context.env, { namespace, ...subscription }).held();
      if (held === 0 && this.#host.open()?.definition.id === definition.id) this.#host.releaseAll(consumerId);
    } catch (error) {
      console.error(
        `subscription ${subscription.name} does not say what it holds; its leases will end`,
        error,
      );
    } finally {
      this.#asked.delete(consumerId);
      this.#host.serve();
    }
  }

  #note(consumerId: string, room: PushRoom): void {
    const known = this.#rooms.get(consumerId);
    if (known?.life === room.life && room.number < known.number) return; // it has said something since
    this.#rooms.set(consumerId, room);
  }
}
