/**
 * Channel: runs the methods of one channel in the order in which they came.
 *
 *   open     runs methods. Publishes go to the broker without waiting for each other; every method that could see their effect
 *            waits until they have an outcome. Exits: the client closes it; an error
 *   closing  the server has sent `channel.close` and ignores everything but `channel.close-ok`
 *   ended    its number is free
 */

import type { PublishedMessage, PublishOutcome } from '../broker-port.ts';
import { FRAME_TYPES, type Frame } from '../codec/frames.ts';
import { decodeMethod } from '../codec/method-codec.ts';
import { METHODS, type Method, type MethodFields, type MethodName } from '../codec/methods.ts';
import { amqpError, isAmqpError, isPortError, type AmqpError, type PortError } from '../reply-codes.ts';
import type { ChannelHost, End } from './channel-host.ts';
import { ChannelPrefetch } from './consumer/channel-prefetch.ts';
import { Confirms } from './confirms.ts';
import { ContentAssembly, type Content } from './content.ts';
import { deliveryMethods } from './delivery-methods.ts';
import type { ConsumerAbout, DeliveryState, OpenConsumer } from './consumer/delivery-state.ts';
import { checkPublish, publishOf } from './publish.ts';
import { withReplyQueue } from './reply-queue.ts';
import { topologyMethods } from './topology-methods.ts';
import { Transaction } from './transaction.ts';
import { Unsettled } from './consumer/unsettled.ts';

/** A method or a message that waits for its turn. */
interface Step {
  /** It waits until all publishes have an outcome. */
  waits: boolean;
  /** Of a message its body, which is held until the broker has it; of a method its frame, which is held until its turn. */
  bytes: number;
  isMessage: boolean;
  run(end: () => void): void;
}

/** A channel as monitoring shows it. */
export interface ChannelAbout {
  /** Of each consumer that begins from now on; 0: no limit. */
  prefetch: number;
  confirms: boolean;
  transactional: boolean;
  /** Deliveries without a settlement. */
  unacked: number;
  /** Publishes that wait for their confirm. */
  unconfirmed: number;
  consumers: (ConsumerAbout & { tag: string })[];
}

/** Methods that need not wait for publishes: they see nothing of them. */
const PROMPT = new Set<MethodName>([
  'basic.ack',
  'basic.nack',
  'basic.reject',
  'basic.qos',
  'basic.cancel',
  'confirm.select',
  'channel.flow',
]);

type AnyHandler = (state: DeliveryState, fields: object, end: End) => void;

export class Channel implements DeliveryState {
  readonly host: ChannelHost;
  lastQueue = '';
  replies: DeliveryState['replies'] = null;
  transaction: Transaction | null = null;
  prefetch = 0;
  readonly channelPrefetch = new ChannelPrefetch();
  readonly unsettled = new Unsettled();
  readonly consumers = new Map<string, OpenConsumer>();
  #phase: 'open' | 'closing' | 'ended' = 'open';
  readonly #content: ContentAssembly;
  /** Null until the client selects confirms. */
  #confirms: Confirms | null = null;
  #line: Step[] = [];
  #isBusy = false;
  /** Publishes without an outcome. */
  #publishing = 0;
  /** Called when the channel is over, for a connection that closes. */
  #finished: (() => void) | null = null;

  constructor(host: ChannelHost) {
    this.host = host;
    this.#content = new ContentAssembly(host.bodyBytesMax, (bytes) => host.gather(bytes));
  }

  get isOver(): boolean {
    return this.#phase !== 'open';
  }

  /** For monitoring. */
  get about(): ChannelAbout {
    return {
      prefetch: this.prefetch,
      confirms: this.#confirms !== null,
      transactional: this.transaction !== null,
      unacked: this.unsettled.count,
      unconfirmed: this.#confirms === null ? 0 : this.#publishing,
      consumers: [...this.consumers].map(([tag, { about }]) => ({ tag, ...about })),
    };
  }

  take(frame: Frame): void {
    const { type, payload } = frame;
    if (type === FRAME_TYPES.method) return this.#takeMethod(decodeMethod(payload), payload.length);
    if (this.isOver) return;
    const content = this.#content.take(frame);
    if (isAmqpError(content)) this.#fail(content);
    else if (content !== null) this.#takeContent(content);
  }

  /** Writes the confirms that have piled up. */
  writeConfirms(): void {
    if (this.#confirms === null || !this.#confirms.hasPending || this.isOver) return;
    const { nacks, acks } = this.#confirms.take();
    for (const nack of nacks) this.host.send('basic.nack', { ...nack, requeue: false });
    for (const ack of acks) this.host.send('basic.ack', ack);
  }

  /** Calls `done` when everything that came before has run. Nothing that comes later runs. */
  finish(done: () => void): void {
    if (this.isOver) return done();
    this.#finished = done;
    this.#enqueue({
      waits: true,
      bytes: 0,
      isMessage: false,
      run: () => {
        this.writeConfirms();
        this.end();
      },
    });
  }

  /** The connection is gone, or closes. */
  end(): void {
    const wasOpen = this.#phase === 'open';
    this.#phase = 'ended';
    if (wasOpen) this.#giveBack();
  }

  #takeMethod(method: Method | AmqpError, bytes: number): void {
    if (this.#phase === 'closing') {
      // The client may close it at the same time.
      if (isAmqpError(method)) return;
      if (method.name === 'channel.close') this.host.send('channel.close-ok', {});
      if (method.name === 'channel.close-ok') this.host.ended();
      return;
    }
    if (isAmqpError(method)) return this.#fail(method);
    const { name, fields } = method;
    if (this.#content.isWaiting) {
      return this.#fail(amqpError('unexpected-frame', `${name} came before the content`, METHODS[name]));
    }
    if (name === 'basic.publish') return this.#content.begin(fields);
    const run: Step['run'] = (end) => this.#runMethod(method, end);
    this.#enqueue({ waits: !PROMPT.has(name), bytes, isMessage: false, run });
  }

  #runMethod(method: Method, end: () => void): void {
    const { name, fields } = method;
    const ended: End = (error) => {
      if (this.isOver) return;
      if (error) return this.#failWith(error, name);
      return end();
    };
    if (name === 'confirm.select') {
      if (this.transaction !== null) return ended(noSwitch('tx', 'confirm'));
      this.#confirms ??= new Confirms();
      if (!fields.noWait) this.host.send('confirm.select-ok', {});
      return ended();
    }
    if (name === 'tx.select') return this.#selectTransactions(ended);
    if (name === 'tx.commit') return this.#commit(ended);
    if (name === 'tx.rollback') return this.#rollBack(ended);
    if (name === 'channel.close') return this.#close();
    if (name === 'channel.flow') return ended(this.#flow(fields));
    const handler =
      (deliveryMethods as Record<string, unknown>)[name] ??
      (topologyMethods as Record<string, unknown>)[name];
    if (handler === undefined) return this.#fail(absent(name));
    return (handler as AnyHandler)(this, fields, ended);
  }

  #takeContent(content: Content): void {
    const run: Step['run'] = (end) => (this.#publish(content), end());
    this.#enqueue({ waits: false, bytes: content.body.length, isMessage: true, run });
  }

  #publish(content: Content): void {
    const { host } = this;
    const problem = checkPublish(content, host.user);
    const { length } = content.body;
    if (problem !== null) {
      host.hold(-1, -length);
      return this.#failWith(problem, 'basic.publish');
    }
    const message = withReplyQueue(publishOf(content), this.replies?.queue ?? null);
    if (isPortError(message) || this.transaction !== null) {
      host.hold(-1, -length);
      const refused = isPortError(message) ? message : this.transaction!.publish(message);
      if (refused !== null) this.#failWith(refused, 'basic.publish');
      return;
    }
    const number = this.#confirms?.next();
    this.#store(message, (outcome) => {
      host.hold(-1, -length);
      if (this.isOver) return;
      if (isPortError(outcome)) return this.#failWith(outcome, 'basic.publish');
      const isRefused = outcome === 'refused';
      if (number !== undefined) {
        this.#confirms!.settle(number, !isRefused && outcome !== 'rejected');
        host.wake();
      } else if (isRefused) return this.#failWith(NOT_STORED, 'basic.publish'); // nothing else would tell the client
      this.#advance();
    });
  }

  /** Hands a message to the broker, and returns it to the client if nobody takes it. */
  #store(message: PublishedMessage, done: (outcome: PublishOutcome | PortError) => void): void {
    const { exchange, routingKey, mandatory } = message;
    this.#publishing++;
    this.host.port.publish(message, (outcome) => {
      this.#publishing--;
      if (outcome === 'unroutable' && mandatory && !this.isOver) {
        const fields = { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey };
        this.host.sendContent('basic.return', fields, message);
      }
      done(outcome);
    });
  }

  #selectTransactions(end: End): void {
    if (this.#confirms !== null) return end(noSwitch('confirm', 'tx'));
    this.transaction ??= new Transaction((bytes) => this.host.gather(bytes));
    this.host.send('tx.select-ok', {});
    return end();
  }

  /** Publishes first: what is settled is gone. */
  #commit(end: End): void {
    const { transaction } = this;
    if (transaction === null) return end(NOT_TRANSACTIONAL);
    const messages = transaction.takePublishes();
    let left = messages.length;
    let failed: PortError | null = null;
    const finish = (): void => {
      if (this.isOver) return;
      if (failed !== null) return end(failed);
      transaction.runSettlements();
      this.host.send('tx.commit-ok', {});
      end();
    };
    if (left === 0) return finish();
    for (const message of messages) {
      this.#store(message, (outcome) => {
        if (isPortError(outcome)) failed ??= outcome;
        else if (outcome === 'refused' || outcome === 'rejected') failed ??= NOT_ALL_STORED;
        if (--left === 0) finish();
      });
    }
  }

  #rollBack(end: End): void {
    if (this.transaction === null) return end(NOT_TRANSACTIONAL);
    this.transaction.rollBack(this.unsettled);
    this.host.send('tx.rollback-ok', {});
    return end();
  }

  #flow({ active }: MethodFields<'channel.flow'>): PortError | null {
    if (!active) return { reply: 'not-implemented', reason: 'active=false' };
    this.host.send('channel.flow-ok', { active });
    return null;
  }

  #enqueue(step: Step): void {
    if (this.isOver) return;
    this.#line.push(step);
    this.host.hold(1, step.bytes);
    this.#advance();
  }

  /** Runs steps until one has to wait. Steps that end at once must not deepen the stack. */
  #advance(): void {
    while (!this.#isBusy && this.#phase === 'open') {
      const [step] = this.#line;
      if (step === undefined || (step.waits && this.#publishing > 0)) return;
      this.#line.shift();
      if (!step.isMessage) this.host.hold(-1, -step.bytes);
      this.#isBusy = true;
      let isInside = true;
      step.run(() => {
        this.#isBusy = false;
        if (!isInside) this.#advance();
      });
      isInside = false;
    }
  }

  #close(): void {
    this.writeConfirms();
    this.end();
    this.host.send('channel.close-ok', {});
    this.host.ended();
  }

  #failWith({ reply, reason }: PortError, name: MethodName): void {
    this.#fail(amqpError(reply, reason, METHODS[name]));
  }

  #fail(error: AmqpError): void {
    if (this.isOver) return;
    if (error.isHard) return this.host.fail(error);
    this.writeConfirms();
    this.#phase = 'closing';
    this.#giveBack();
    const { replyCode, replyText, classId, methodId } = error;
    this.host.send('channel.close', { replyCode, replyText, classId, methodId });
  }

  /** Ends the consumers before anything goes back to the queues, or it would come here again. */
  #giveBack(): void {
    const line = this.#line;
    this.#line = [];
    for (const { bytes } of line) this.host.hold(-1, -bytes);
    for (const { running } of this.consumers.values()) running?.cancel();
    this.consumers.clear();
    this.channelPrefetch.endAll();
    this.#content.drop();
    this.transaction?.rollBack(this.unsettled);
    for (const { settle } of this.unsettled.takeAll()) settle('requeue');
    this.#finished?.();
    this.#finished = null;
  }
}

const NOT_TRANSACTIONAL: PortError = { reply: 'precondition-failed', reason: 'channel is not transactional' };

const NOT_STORED: PortError = {
  reply: 'precondition-failed',
  reason: 'the broker has not stored a message of a channel without confirms',
};

const NOT_ALL_STORED: PortError = {
  reply: 'precondition-failed',
  reason: 'the broker has not stored all messages of the transaction; nothing was acknowledged',
};

const noSwitch = (from: string, to: string): PortError => ({
  reply: 'precondition-failed',
  reason: `cannot switch from ${from} to ${to} mode`,
});

function absent(name: MethodName): AmqpError {
  const isServers = /-ok$|^basic\.(deliver|return|get-empty)$/.test(name);
  return isServers || name.startsWith('connection.')
    ? amqpError('command-invalid', `${name} has no place on a channel`, METHODS[name])
    : amqpError('not-implemented', name, METHODS[name]);
}
