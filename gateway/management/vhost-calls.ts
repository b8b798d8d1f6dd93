/** Vhost calls: what the management API does in one virtual host, through the port that AMQP clients use. */

import type { BrokerClient } from '../amqp/connection/broker-clients.ts';
import type { SdkPort } from '../amqp/sdk-port.ts';
import { Overview } from '../../sdk/admin/overview.ts';
import { Policies } from '../../sdk/admin/policies.ts';
import { asPosthornError } from '../../sdk/errors.ts';
import { readExchangeSpec } from '../../wire/amqp/arguments/exchange-arguments.ts';
import { readQueueArguments } from '../../wire/amqp/arguments/queue-arguments.ts';
import { comparedArguments } from '../../wire/amqp/arguments/queue-equivalence.ts';
import type { BindingSpec, Delivery, Done } from '../../wire/amqp/broker-port.ts';
import { decodeProperties, encodeProperties } from '../../wire/amqp/codec/frames.ts';
import { isPortError, type PortError } from '../../wire/amqp/reply-codes.ts';
import { jsonOfProperties, propertiesOfJson, tableOf } from '../amqp/definitions/json-fields.ts';
import { defaultBinding, shownBinding, shownExchange, shownQueue } from './shown.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** A port's error that a call has thrown. */
export class Refused extends Error {
  readonly reply: PortError['reply'];

  constructor({ reply, reason }: PortError) {
    super(reason);
    this.reply = reply;
  }
}

/** What one virtual host holds. */
export interface VhostTotals {
  queues: number;
  ready: number;
  leased: number;
  consumers: number;
}

/** Each queue is an object of its own, and is asked. */
const QUEUES_AT_ONCE = 32;

const encoder = new TextEncoder();

/** RabbitMQ writes booleans as such, and rabbitmqadmin as text. */
const isTrue = (value: unknown): boolean => value === true || value === 'true';
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export class VhostCalls {
  readonly vhost: string;
  readonly policies: Policies;
  readonly #client: BrokerClient;
  readonly #port: SdkPort;

  /** Resolves when the broker takes no messages, with the reason. */
  readonly #blocked: Promise<string>;

  constructor(vhost: string, client: BrokerClient, port: SdkPort, blocked: Promise<string>) {
    this.vhost = vhost;
    this.policies = new Policies(client.transport);
    this.#client = client;
    this.#port = port;
    this.#blocked = blocked;
  }

  /** Queues that are asked only when somebody wants to see them. */
  async queueEntries(): Promise<{ name: string; vhost: string; load(): Promise<Fields | null> }[]> {
    const { vhost } = this;
    const all = await this.#client.queues.list();
    return all.map(({ queue: name }) => ({ name, vhost, load: () => this.#queueIfThere(name) }));
  }

  async queues(): Promise<ReturnType<typeof shownQueue>[]> {
    const names = (await this.#client.queues.list()).map(({ queue }) => queue);
    const all: ReturnType<typeof shownQueue>[] = [];
    for (let first = 0; first < names.length; first += QUEUES_AT_ONCE) {
      const some = names.slice(first, first + QUEUES_AT_ONCE).map((queue) => this.#queueIfThere(queue));
      all.push(...(await Promise.all(some)).flatMap((one) => one ?? []));
    }
    return all;
  }

  async #queueIfThere(name: string): Promise<ReturnType<typeof shownQueue> | null> {
    try {
      return await this.queue(name);
    } catch (error) {
      if (asPosthornError(error).code === 'queue_not_found') return null; // deleted meanwhile
      throw error;
    }
  }

  /** As the overview of the namespace has it, a few seconds late: no queue is asked. Whoever may not see that gets the sum of what he may. */
  async totals(): Promise<VhostTotals> {
    try {
      const { totals } = await new Overview(this.#client.transport).get();
      return totals;
    } catch (error) {
      if (asPosthornError(error).code !== 'forbidden') throw error;
    }
    const queues = await this.queues();
    const sum = (name: 'messages_ready' | 'messages_unacknowledged' | 'consumers'): number =>
      queues.reduce((total, queue) => total + queue[name], 0);
    return {
      queues: queues.length,
      ready: sum('messages_ready'),
      leased: sum('messages_unacknowledged'),
      consumers: sum('consumers'),
    };
  }

  async queue(name: string): Promise<ReturnType<typeof shownQueue>> {
    const found = await this.#client.queues.get(name);
    return shownQueue(found, this.vhost, found.state);
  }

  async declareQueue(queue: string, fields: Fields): Promise<void> {
    const table = tableOf(fields['arguments']);
    const args = readQueueArguments(queue, table);
    if (isPortError(args)) throw new Refused(args);
    const autoDelete = isTrue(fields['auto_delete']);
    const compared = comparedArguments({ durable: isTrue(fields['durable'] ?? true), autoDelete }, table);
    await this.#ask((done) =>
      this.#port.declareQueue({ queue, exclusive: false, autoDelete, arguments: args, compared }, done),
    );
  }

  async deleteQueue(queue: string, conditions: { ifUnused: boolean; ifEmpty: boolean }): Promise<void> {
    await this.#client.queues.get(queue);
    await this.#ask((done) => this.#port.deleteQueue(queue, conditions, done));
  }

  async purge(queue: string): Promise<void> {
    await this.#ask((done) => this.#port.purgeQueue(queue, done));
  }

  async exchanges(): Promise<ReturnType<typeof shownExchange>[]> {
    return (await this.#client.exchanges.list()).map((exchange) => shownExchange(exchange, this.vhost));
  }

  async exchange(name: string): Promise<ReturnType<typeof shownExchange>> {
    return shownExchange(await this.#client.exchanges.get(name), this.vhost);
  }

  async declareExchange(exchange: string, fields: Fields): Promise<void> {
    const spec = readExchangeSpec({
      exchange,
      type: textOf(fields['type']) || 'direct',
      autoDelete: isTrue(fields['auto_delete']),
      internal: isTrue(fields['internal']),
      arguments: tableOf(fields['arguments']),
    });
    if (isPortError(spec)) throw new Refused(spec);
    await this.#ask((done) => this.#port.declareExchange(spec, done));
  }

  async deleteExchange(exchange: string, ifUnused: boolean): Promise<void> {
    await this.#client.exchanges.get(exchange);
    await this.#ask((done) => this.#port.deleteExchange(exchange, ifUnused, done));
  }

  /** All, or those of one queue. */
  async bindings(
    of?: { queue: string } | { source: string },
  ): Promise<NonNullable<ReturnType<typeof shownBinding>>[]> {
    const sources =
      of === undefined
        ? (await this.#client.exchanges.list()).map(({ exchange }) => ({ source: exchange }))
        : [of];
    const all: NonNullable<ReturnType<typeof shownBinding>>[] = [];
    for (const each of sources) {
      if ('source' in each && (each.source === 'amq.default' || each.source === '')) continue;
      for await (const binding of this.#client.exchanges.bindings(each)) {
        const shown = shownBinding(binding, this.vhost);
        if (shown !== null) all.push(shown);
      }
    }
    return all;
  }

  /** With those of the default exchange, which nobody has declared. */
  async allBindings(): ReturnType<VhostCalls['bindings']> {
    const queues = await this.#client.queues.list();
    return [...queues.map(({ queue }) => defaultBinding(queue, this.vhost)), ...(await this.bindings())];
  }

  async bindingsToExchange(exchange: string): ReturnType<VhostCalls['bindings']> {
    return (await this.bindings()).filter(
      (one) => one.destination_type === 'exchange' && one.destination === exchange,
    );
  }

  async bind(source: string, destination: BindingSpec['destination'], fields: Fields): Promise<void> {
    await this.#ask((done) => this.#port.bind(bindingOf(source, destination, fields), done));
  }

  async unbind(source: string, destination: BindingSpec['destination'], fields: Fields): Promise<void> {
    await this.#ask((done) => this.#port.unbind(bindingOf(source, destination, fields), done));
  }

  /** Returns whether a queue has taken it. */
  async publish(exchange: string, fields: Fields): Promise<boolean> {
    const properties = propertiesOfJson(fields['properties']);
    const payload = textOf(fields['payload']);
    const isBase64 = fields['payload_encoding'] === 'base64';
    const published = this.#ask<string>((done) =>
      this.#port.publish(
        {
          exchange: exchange === 'amq.default' ? '' : exchange,
          routingKey: textOf(fields['routing_key']),
          furtherKeys: [],
          mandatory: true,
          properties,
          rawProperties: encodeProperties(properties),
          body: isBase64 ? new Uint8Array(Buffer.from(payload, 'base64')) : encoder.encode(payload),
        },
        done,
      ),
    );
    const outcome = await Promise.race([published, this.#blocked.then(waits)]);
    if (outcome === 'rejected')
      throw new Refused({ reply: 'precondition-failed', reason: 'the queue is full' });
    if (outcome === 'refused')
      throw new Refused({ reply: 'precondition-failed', reason: 'the broker has not stored the message' });
    return outcome === 'stored';
  }

  /** Takes messages and settles them as `ackmode` says, when all are taken: what goes back would come again. */
  async get(queue: string, fields: Fields): Promise<object[]> {
    const count = Math.min(Math.max(0, Number(fields['count'] ?? 1) || 0), 1_000);
    const mode = textOf(fields['ackmode']) || 'ack_requeue_true';
    const taken: { delivery: Delivery; messageCount: number }[] = [];
    while (taken.length < count) {
      const got = await this.#ask<{ delivery: Delivery; messageCount: number } | null>((done) =>
        this.#port.get(queue, done),
      );
      if (got === null) break;
      taken.push(got);
    }
    const settlement = mode.endsWith('requeue_true') ? 'requeue' : mode.startsWith('ack') ? 'ack' : 'reject';
    for (const { delivery } of taken) delivery.settle(settlement);
    return taken.map(({ delivery, messageCount }) => ({
      payload_bytes: delivery.body.length,
      redelivered: delivery.redelivered,
      exchange: delivery.exchange,
      routing_key: delivery.routingKey,
      message_count: messageCount,
      properties: jsonOfProperties(decodeProperties(delivery.rawProperties) ?? {}),
      ...payloadOf(delivery.body, fields['encoding'] === 'base64'),
    }));
  }

  async #ask<Value>(call: (done: Done<Value>) => void): Promise<Value> {
    const answer = await new Promise<Value | PortError>((resolve) => call(resolve));
    if (isPortError(answer)) throw new Refused(answer);
    return answer;
  }
}

/** AMQP clients would wait. A request cannot wait as long. */
function waits(reason: string): never {
  throw new Refused({ reply: 'precondition-failed', reason: `${reason}; the message may be stored later` });
}

function bindingOf(source: string, destination: BindingSpec['destination'], fields: Fields): BindingSpec {
  return {
    source,
    destination,
    routingKey: textOf(fields['routing_key']),
    arguments: tableOf(fields['arguments']),
  };
}

function payloadOf(body: Uint8Array, isBase64: boolean): { payload: string; payload_encoding: string } {
  try {
    if (!isBase64) {
      return {
        payload: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body),
        payload_encoding: 'string',
      };
    }
  } catch {
    // no UTF-8
  }
  return { payload: Buffer.from(body).toString('base64'), payload_encoding: 'base64' };
}
