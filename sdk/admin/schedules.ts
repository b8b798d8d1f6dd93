/** Schedules: messages that the broker publishes at the times of a cron expression. */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import type {
  ScheduleList,
  ScheduleReply,
  ScheduleWithStateReply,
} from '../../protocol/schemas/schedules.ts';
import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, jsonOf, type Transport } from '../client/transport.ts';
import type { MessageProperties } from '../values/message-input.ts';
import { checkName } from '../client/names.ts';
import { fromWire, toWire } from '../client/wire.ts';

/** An exchange with the routing key of the message, or a topic with the key that decides the partition. */
export type ScheduleTarget =
  | { queue: string }
  | { exchange: string; routingKey?: string }
  | { topic: string; key?: string };

export interface ScheduleMessage {
  /** Any JSON value. */
  body: JsonValue;
  headers?: Record<string, string | null | (string | null)[]>;
  /** Without a message id, which the broker gives. */
  properties?: Omit<MessageProperties, 'messageId' | 'deliverAt' | 'orderingKey'> & { orderingKey?: string };
}

export interface ScheduleDeclaration {
  /** Minute, hour, day of the month, month, day of the week; or `@hourly`, `@daily` and their like. */
  cron: string;
  /** The IANA name of the zone whose clock it goes by. Default `UTC`. */
  timeZone?: string;
  target: ScheduleTarget;
  message: ScheduleMessage;
  /**
   * What happens after missed times: `once`, the default, publishes one message for the latest; `none` publishes
   * nothing.
   */
  catchUp?: 'once' | 'none';
  /** No occurrence lies after it, in ms since 1970. Default null: it does not end. */
  endsAt?: number | null;
}

export interface Schedule extends Required<ScheduleDeclaration> {
  /** Its name. */
  schedule: string;
  isPaused: boolean;
  /** The version of the namespace's topology that this was read from. */
  topologyVersion: number;
}

export interface ScheduleState {
  /** The next occurrence, in ms since 1970; null: it is paused, or has ended. */
  next: number | null;
  last: {
    /** The time that it stood for, in ms. */
    occurrence: number;
    by: 'cron' | 'trigger';
    /** When this came of it, in ms. */
    at: number;
    outcome: 'published' | 'unroutable' | 'failed';
    /** Of a failure. */
    code?: string | undefined;
    detail?: string | undefined;
  } | null;
  /** Publishes that could not be made yet, and are tried again. */
  pending: number;
}

export interface ScheduleTriggered {
  schedule: string;
  messageId: string;
  /** `pending`: it could not be published yet, and is tried again. */
  outcome: 'published' | 'unroutable' | 'failed' | 'pending';
  /** Of a failure. */
  code?: string;
  detail?: string;
}

/**
 * All calls except `trigger` retry temporary failures, and throw `PosthornError`: `invalid_argument`, `invalid_field`,
 * `schedule_not_found`, `queue_not_found`, `topic_not_found`, `exchange_not_found`, `connection_failed`, `timeout`,
 * `aborted`.
 */
export class Schedules {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the schedule, or replaces it.
   *
   * @example
   * await posthorn.schedules.put('report', {
   *   cron: '0 7 * * 1-5', timeZone: 'Europe/Berlin', target: { queue: 'reports' }, message: { body: { kind: 'daily' } },
   * });
   */
  async put(
    schedule: string,
    declaration: ScheduleDeclaration,
    options: CallOptions = {},
  ): Promise<Schedule> {
    const { message, ...fields } = declaration;
    const { properties, ...rest } = message;
    const wire = {
      ...toWire(fields),
      message: { ...rest, ...(properties && { properties: toWire(properties) }) },
    };
    return await this.#schedule({
      method: 'PUT',
      path: schedulePath(schedule),
      ...jsonBody(wire),
      ...options,
    });
  }

  async get(schedule: string, options: CallOptions = {}): Promise<Schedule & { state: ScheduleState }> {
    const call = { method: 'GET' as const, path: schedulePath(schedule), ...options };
    const { state, ...fields } = await this.#transport.json<ScheduleWithStateReply>(call);
    return { ...scheduleOf<Schedule>(fields), state };
  }

  /** All schedules of the namespace, by name. */
  async list(options: CallOptions = {}): Promise<Omit<Schedule, 'topologyVersion'>[]> {
    const itemsOf = (page: ScheduleList) => page.schedules;
    return (await listAll(this.#transport, '/schedules', itemsOf, options)).map((one) => scheduleOf(one));
  }

  /** Publishes nothing until it is resumed. */
  async pause(schedule: string, options: CallOptions = {}): Promise<Schedule> {
    return await this.#schedule({ method: 'POST', path: `${schedulePath(schedule)}/pause`, ...options });
  }

  /** Goes on with the next occurrence. */
  async resume(schedule: string, options: CallOptions = {}): Promise<Schedule> {
    return await this.#schedule({ method: 'POST', path: `${schedulePath(schedule)}/resume`, ...options });
  }

  /** Publishes its message now. The SDK does not retry, because it could be published twice. */
  async trigger(schedule: string, options: CallOptions = {}): Promise<ScheduleTriggered> {
    const path = `${schedulePath(schedule)}/trigger`;
    return fromWire(jsonOf<object>(await this.#transport.call({ method: 'POST', path, ...options })));
  }

  async delete(schedule: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: schedulePath(schedule), ...options }, 'schedule_not_found');
  }

  async #schedule(call: Parameters<Transport['json']>[0]): Promise<Schedule> {
    return scheduleOf<Schedule>(await this.#transport.json<ScheduleReply>(call));
  }
}

/** The body and the headers of its message are the application's own, and stay as they are. */
function scheduleOf<Fields>(fields: Omit<ScheduleReply, 'topology_version'>): Fields {
  const { message, ...rest } = fields;
  const { properties, ...own } = message;
  return {
    ...fromWire<object>(rest),
    message: { ...own, ...(properties && { properties: fromWire(properties) }) },
  } as Fields;
}

const schedulePath = (schedule: string): string => `/schedules/${checkName('schedule', schedule)}`;
