/** Sessions of AMQP clients: they publish with confirms, consume, settle, and leave, now and then without a word. */

import type { Random } from '../../crash/random.ts';
import { textField } from '../../../wire/amqp/codec/field-table.ts';
import type { Client } from '../workload/client.ts';
import { between, pick, type Operation } from '../workload/operation.ts';
import { AmqpClient, type DeliveryFields } from './amqp-client.ts';
import type { AmqpEnding, AmqpPublished, AmqpSettlement } from './amqp-history.ts';
import { AMQP_DEAD_LETTERS, AMQP_QUEUE } from './amqp-queue.ts';
import { gatewayOf } from './gateway.ts';

const PUBLISHING = 1;
const CONSUMING = 2;

/** How long a publisher waits for its confirms, in ms: the gateway gives up after half a minute. */
const CONFIRMS_MS = 40_000;

/** As JSON, so that it reads the same over HTTP. */
const PROPERTIES = { contentType: 'application/json', deliveryMode: 2 };

export const amqp: Operation = {
  name: 'amqp',
  weight: 4,
  isApart: true,
  run: async (client, id, random) => {
    const session = new Session(client, id, random);
    if (!(await session.open())) return;
    const role = pick(random, ['publish', 'consume', 'both'] as const);
    await Promise.all([
      role === 'consume' ? undefined : session.publish(),
      role === 'publish' ? undefined : session.consume(),
    ]);
    await session.leave();
  },
};

export const killGateway: Operation = {
  name: 'kill-gateway',
  weight: 0.4,
  isApart: true,
  run: async (client) => {
    const { world, history } = client;
    if (world.rates.machine === 0) return;
    gatewayOf(world).kill();
    const now = history.now();
    client.add({ kind: 'gateway-killed', client: client.name, begin: now, end: now });
  },
};

class Session {
  readonly #client: Client;
  readonly #id: string;
  readonly #random: Random;
  readonly #amqp: AmqpClient;
  /** Publishes without an outcome, by number. */
  readonly #open = new Map<number, { id: string; begin: number }>();
  #published = 0;
  /** Deliveries without a settlement, by tag. */
  readonly #held = new Map<number, string>();

  constructor(client: Client, id: string, random: Random) {
    this.#client = client;
    this.#id = id;
    this.#random = random;
    const { world } = client;
    this.#amqp = new AmqpClient(gatewayOf(world).connect(), world.scheduler);
    this.#amqp.lost = () => this.#ended('lost');
  }

  async open(): Promise<boolean> {
    return await this.#amqp.open();
  }

  async publish(): Promise<void> {
    const [random, amqpClient] = [this.#random, this.#amqp];
    if (!(await this.#openChannel(PUBLISHING))) return;
    const selected = ['confirm.select-ok'] as const;
    if ((await amqpClient.call(PUBLISHING, 'confirm.select', { noWait: false }, selected)) === null) return;
    for (let rounds = between(random, 1, 5); rounds > 0 && !amqpClient.isOver; rounds--) {
      const count = random() < 0.1 ? 40 : between(random, 1, 5);
      for (let nth = 0; nth < count; nth++) this.#publishOne();
      await this.#client.sleep(random() * 600);
    }
    const giveUpMs = this.#client.world.scheduler.nowMs + CONFIRMS_MS;
    while (this.#open.size > 0 && !amqpClient.isOver && this.#client.world.scheduler.nowMs < giveUpMs)
      await this.#client.sleep(100);
  }

  async consume(): Promise<void> {
    const [random, amqpClient] = [this.#random, this.#amqp];
    if (!(await this.#openChannel(CONSUMING))) return;
    if (random() < 0.2) return await this.#get(between(random, 1, 4));
    const prefetch = { prefetchSize: 0, prefetchCount: between(random, 1, 10), global: random() < 0.3 };
    if ((await amqpClient.call(CONSUMING, 'basic.qos', prefetch, ['basic.qos-ok'])) === null) return;
    const fields = {
      reserved1: 0,
      queue: AMQP_QUEUE,
      consumerTag: 'tag',
      noLocal: false,
      noAck: false,
      exclusive: false,
      noWait: false,
      arguments: [],
    };
    if ((await amqpClient.call(CONSUMING, 'basic.consume', fields, ['basic.consume-ok'])) === null) return;
    await this.#client.sleep(between(random, 500, 9_000));
    if (random() < 0.6) return;
    const cancel = { consumerTag: 'tag', noWait: false };
    if ((await amqpClient.call(CONSUMING, 'basic.cancel', cancel, ['basic.cancel-ok'])) === null) return;
    await this.#client.sleep(between(random, 0, 2_000));
  }

  /** Ends the connection, if it has not ended. */
  async leave(): Promise<void> {
    const chance = this.#random();
    if (this.#amqp.isOver) return;
    if (chance < 0.5) {
      const isAgreed = await this.#amqp.close();
      if (isAgreed) this.#ended('closed');
    } else if (chance < 0.8) {
      this.#amqp.cut();
      this.#ended('cut');
    } else {
      this.#amqp.vanish();
      this.#ended('vanished');
    }
  }

  async #openChannel(number: number): Promise<boolean> {
    const listener = {
      delivered: (fields: DeliveryFields, text: string) =>
        this.#delivered(fields, JSON.parse(text) as string),
      confirmed: ({ deliveryTag, multiple }: { deliveryTag: number; multiple: boolean }, isAck: boolean) =>
        this.#confirmed(deliveryTag, multiple, isAck),
      ended: (reason: string) => {
        this.#client.world.scheduler.note(`a channel of ${this.#id} was closed: ${reason}`);
        if (number === PUBLISHING) this.#forget();
        else this.#held.clear();
      },
    };
    if (!(await this.#amqp.openChannel(number, listener))) return false;
    const deadLettered = [
      ['x-dead-letter-exchange', textField('')],
      ['x-dead-letter-routing-key', textField(AMQP_DEAD_LETTERS)],
    ] as const;
    return (
      (await this.#declare(number, AMQP_DEAD_LETTERS, [])) &&
      (await this.#declare(number, AMQP_QUEUE, deadLettered))
    );
  }

  async #declare(
    channel: number,
    queue: string,
    given: readonly (readonly [string, ReturnType<typeof textField>])[],
  ): Promise<boolean> {
    const flags = { passive: false, durable: true, exclusive: false, autoDelete: false, noWait: false };
    const fields = { reserved1: 0, queue, ...flags, arguments: given };
    return (await this.#amqp.call(channel, 'queue.declare', fields, ['queue.declare-ok'])) !== null;
  }

  async #get(count: number): Promise<void> {
    const fields = { reserved1: 0, queue: AMQP_QUEUE, noAck: false };
    for (let nth = 0; nth < count; nth++) {
      const got = await this.#amqp.call(CONSUMING, 'basic.get', fields, ['basic.get-ok', 'basic.get-empty']);
      if (got === null) return;
      await this.#client.sleep(this.#random() * 1_500);
    }
  }

  #publishOne(): void {
    const number = ++this.#published;
    const id = `${this.#id}.${number}`;
    this.#open.set(number, { id, begin: this.#client.history.now() });
    this.#amqp.publish(PUBLISHING, AMQP_QUEUE, JSON.stringify(id), PROPERTIES);
  }

  #confirmed(deliveryTag: number, multiple: boolean, isAck: boolean): void {
    for (const number of [...this.#open.keys()]) {
      if (multiple ? number <= deliveryTag : number === deliveryTag)
        this.#known(number, isAck ? 'confirmed' : 'refused');
    }
  }

  #known(number: number, outcome: AmqpPublished['outcome']): void {
    const { id, begin } = this.#open.get(number)!;
    this.#open.delete(number);
    const { history, name } = this.#client;
    const end = outcome === 'confirmed' ? history.now() : Infinity;
    const span = { client: name, begin, end };
    const connection = this.#id;
    this.#client.add({ kind: 'amqp-publish', connection, channel: connection, number, id, outcome, ...span });
    const isStored = outcome === 'confirmed';
    const message = { id, messageId: null, key: null, isDelayed: false };
    this.#client.add({
      kind: 'publish',
      queue: AMQP_QUEUE,
      outcome: isStored ? 'ok' : 'unknown',
      copies: 1,
      messages: [{ ...message, outcome: isStored ? 'stored' : 'unknown' }],
      ...span,
    });
  }

  #delivered({ deliveryTag, redelivered }: DeliveryFields, id: string): void {
    const now = this.#client.history.now();
    this.#held.set(deliveryTag, id);
    this.#client.add({
      kind: 'amqp-deliver',
      client: this.#client.name,
      connection: this.#id,
      consumer: this.#id,
      id,
      isRedelivered: redelivered,
      begin: now,
      end: now,
    });
    const random = this.#random;
    if (random() < 0.08) return;
    const afterMs = random() < 0.5 ? random() * 60 : random() * 1_500;
    this.#client.world.scheduler.after(afterMs, 'AMQP client settles', () => this.#settle(deliveryTag));
  }

  #settle(deliveryTag: number): void {
    if (this.#amqp.isOver || !this.#held.has(deliveryTag)) return;
    const random = this.#random;
    const multiple = random() < 0.25;
    const what = pick<AmqpSettlement>(random, [
      'ack',
      'ack',
      'ack',
      'ack',
      'ack',
      'ack',
      'requeue',
      'reject',
    ]);
    const tags = [...this.#held.keys()].filter((tag) =>
      multiple ? tag <= deliveryTag : tag === deliveryTag,
    );
    const ids = tags.map((tag) => this.#held.get(tag)!);
    for (const tag of tags) this.#held.delete(tag);
    const now = this.#client.history.now();
    const span = { client: this.#client.name, begin: now, end: Infinity };
    this.#client.add({ kind: 'amqp-settle', connection: this.#id, what, ids, ...span });
    const requeue = what === 'requeue';
    if (what === 'ack') this.#amqp.send(CONSUMING, 'basic.ack', { deliveryTag, multiple });
    else if (multiple || random() < 0.5)
      this.#amqp.send(CONSUMING, 'basic.nack', { deliveryTag, multiple, requeue });
    else this.#amqp.send(CONSUMING, 'basic.reject', { deliveryTag, requeue });
  }

  #ended(how: AmqpEnding): void {
    const now = this.#client.history.now();
    this.#forget();
    this.#held.clear();
    this.#client.add({
      kind: 'amqp-end',
      client: this.#client.name,
      connection: this.#id,
      how,
      begin: now,
      end: now,
    });
  }

  /** Nobody will say what became of it. */
  #forget(): void {
    for (const number of [...this.#open.keys()]) this.#known(number, 'unknown');
  }
}
