/** Changes of schedules: checks declarations and stores them. */

import { nextOccurrence } from '../../../core/schedules/occurrences.ts';
import { checkLength, sentMessage } from '../../../core/schedules/schedule-message.ts';
import { declareSchedule, pauseSchedule, type ScheduleConfig } from '../../../core/topology/schedules.ts';
import { isCompacted } from '../../../core/topology/topics.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { recordOfMessage } from '../../../protocol/schemas/messages.ts';
import {
  SCHEDULES_MAX,
  type ScheduleDeclaration,
  type ScheduleTarget,
} from '../../../protocol/schemas/schedules.ts';
import { cronTimes } from '../../schedule/cron-times.ts';
import type { ScheduleAnswer } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

/** Creates or replaces a schedule. */
export function putScheduleIn(
  store: TopologyStore,
  namespace: string,
  name: string,
  config: ScheduleConfig,
  nowMs: number,
): (ScheduleAnswer & { isNew: boolean }) | Failure {
  const existing = store.schedules.get(name);
  const refused =
    checkTimes(config, nowMs) ?? checkMessage(config, nowMs) ?? checkTarget(store, config.target);
  if (refused) return refused;
  if (existing === null && store.schedules.count() >= SCHEDULES_MAX) {
    return failure('too_many_schedules', `a namespace has at most ${SCHEDULES_MAX} schedules`);
  }
  const schedule = declareSchedule(existing, namespace, name, config, store.version() + 1);
  if (schedule !== existing) store.putSchedule(schedule);
  return { schedule, isNew: existing === null, topologyVersion: store.version() };
}

export function pauseScheduleIn(
  store: TopologyStore,
  name: string,
  isPaused: boolean,
): ScheduleAnswer | Failure {
  const existing = store.schedules.get(name);
  if (!existing) return noSuchSchedule(name);
  const schedule = pauseSchedule(existing, isPaused, store.version() + 1);
  if (schedule !== existing) store.putSchedule(schedule);
  return { schedule, topologyVersion: store.version() };
}

export function deleteScheduleIn(store: TopologyStore, name: string): ScheduleAnswer | Failure {
  const schedule = store.schedules.get(name);
  if (!schedule) return noSuchSchedule(name);
  store.removeSchedule(schedule);
  return { schedule, topologyVersion: store.version() };
}

function noSuchSchedule(name: string): Failure {
  return failure('schedule_not_found', `there is no schedule "${name}"; PUT creates it`);
}

function checkTimes(config: ScheduleDeclaration, nowMs: number): Failure | null {
  const times = cronTimes(config.cron, config.time_zone);
  if (isFailure(times)) return times;
  if (config.ends_at !== null && config.ends_at <= nowMs) {
    return failure('invalid_field', `body ends_at: ${new Date(config.ends_at).toISOString()} is past`);
  }
  if (times.after(nowMs) === null) {
    return failure('invalid_field', `body cron: "${config.cron}" names no time that will ever come`);
  }
  if (nextOccurrence(times, config, nowMs) === null) {
    return failure('invalid_field', `body ends_at: "${config.cron}" has no occurrence before it`);
  }
  return null;
}

function checkMessage({ message }: ScheduleDeclaration, nowMs: number): Failure | null {
  const tooLong = checkLength(message);
  if (tooLong) return tooLong;
  const record = recordOfMessage(sentMessage(message), nowMs);
  return typeof record === 'string' ? failure('invalid_message', record) : null;
}

function checkTarget(store: TopologyStore, target: ScheduleTarget): Failure | null {
  if ('queue' in target) {
    if (store.queues.has(target.queue)) return null;
    return failure('queue_not_found', `there is no queue "${target.queue}" to publish to`);
  }
  if ('topic' in target) {
    const topic = store.topics.get(target.topic);
    if (!topic) return failure('topic_not_found', `there is no topic "${target.topic}" to publish to`);
    if (target.key !== undefined || !isCompacted(topic.config)) return null;
    return failure('key_required', `topic "${target.topic}" is compacted: the target needs a key`);
  }
  const exchange = store.exchange(target.exchange);
  if (!exchange)
    return failure('exchange_not_found', `there is no exchange "${target.exchange}" to publish to`);
  if (!exchange.internal) return null;
  return failure(
    'exchange_internal',
    `exchange "${target.exchange}" is internal: only other exchanges send to it`,
  );
}
