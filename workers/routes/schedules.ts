/** Schedules: put, read, delete, pause, resume, trigger. */

import type { Hono } from 'hono';
import { needsOfTarget } from '../../core/access/reach.ts';
import { checkLength, sentMessage, storedMessage } from '../../core/schedules/schedule-message.ts';
import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import type { ScheduleDescription, Triggered, ScheduleMethods } from '../../durable-objects/rpc/schedule.ts';
import { scheduleStub, topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  scheduleDeclarationSchema,
  type ScheduleList,
  type ScheduleReply,
  type ScheduleTriggered,
  type ScheduleWithStateReply,
} from '../../protocol/schemas/schedules.ts';
import { diskFailureOf } from '../http/disk-failure.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { requestTrace } from '../http/trace-context.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readNamed, type AppContext, type AppEnv } from '../http/context.ts';
import { listReply } from './list-reply.ts';

export function scheduleRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listSchedules, (c) =>
    listReply(c, 'schedules', (schedules): ScheduleList => ({ schedules: schedules.map(fieldsOf) })),
  );

  bind(app, calls.putSchedule, async (c) => {
    const path = readNamed(c, 'schedule');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, scheduleDeclarationSchema, ['message', 'body']);
    if (isFailure(body)) return problem(c, body);
    const refused = refuseReach(c, needsOfTarget(body.fields.target));
    if (refused) return problem(c, refused);
    const message = storedMessage(body.fields.message);
    const tooLong = checkLength(message);
    if (tooLong) return problem(c, tooLong);
    const topology = topologyStub(c.env, path.namespace);
    const trace = requestTrace(c.req.raw);
    const put = await topology.putSchedule(path.namespace, path.name, {
      ...body.fields,
      message,
      ...(trace && { trace }),
    });
    if (isFailure(put)) return problem(c, put);
    return scheduleReply(c, put.schedule as ScheduleDefinition, put.topologyVersion, put.isNew ? 201 : 200);
  });

  bind(app, calls.getSchedule, async (c) => {
    const found = await findSchedule(c);
    if (isFailure(found)) return problem(c, found);
    const { schedule, topologyVersion } = found;
    const state = await callSchedule<ScheduleDescription>(
      c.env,
      schedule,
      async (stub) => await stub.describe(),
    );
    if (isFailure(state)) return problem(c, state);
    c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
    return jsonReply(c, {
      ...fieldsOf(schedule),
      topology_version: topologyVersion,
      state,
    } satisfies ScheduleWithStateReply);
  });

  bind(app, calls.deleteSchedule, async (c) => {
    const path = readNamed(c, 'schedule');
    if (isFailure(path)) return problem(c, path);
    const deleted = await topologyStub(c.env, path.namespace).deleteSchedule(path.name);
    if (isFailure(deleted)) return problem(c, deleted);
    c.header(TOPOLOGY_VERSION_HEADER, String(deleted.topologyVersion));
    return c.json({ schedule: path.name, topology_version: deleted.topologyVersion });
  });

  bind(app, calls.pauseSchedule, (c) => setPaused(c, true));
  bind(app, calls.resumeSchedule, (c) => setPaused(c, false));

  bind(app, calls.triggerSchedule, async (c) => {
    const found = await findSchedule(c);
    if (isFailure(found)) return problem(c, found);
    const triggered = await callSchedule<Triggered | Failure>(
      c.env,
      found.schedule,
      async (stub) => await stub.trigger(requestTrace(c.req.raw) ?? undefined),
    );
    if (isFailure(triggered)) return problem(c, triggered);
    const { messageId, outcome, failedWith } = triggered;
    return c.json({
      schedule: found.schedule.name,
      message_id: messageId,
      outcome,
      ...(failedWith && { code: failedWith.code, detail: failedWith.message }),
    } satisfies ScheduleTriggered);
  });
}

async function setPaused(c: AppContext, isPaused: boolean): Promise<Response> {
  const path = readNamed(c, 'schedule');
  if (isFailure(path)) return problem(c, path);
  const changed = await topologyStub(c.env, path.namespace).pauseSchedule(path.name, isPaused);
  if (isFailure(changed)) return problem(c, changed);
  return scheduleReply(c, changed.schedule as ScheduleDefinition, changed.topologyVersion, 200);
}

async function findSchedule(
  c: AppContext,
): Promise<{ schedule: ScheduleDefinition; topologyVersion: number } | Failure> {
  const path = readNamed(c, 'schedule');
  if (isFailure(path)) return path;
  const { schedule, topologyVersion } = await topologyStub(c.env, path.namespace).schedule(path.name);
  if (schedule !== null) return { schedule: schedule as ScheduleDefinition, topologyVersion };
  return failure('schedule_not_found', `there is no schedule "${path.name}"; PUT creates it`);
}

/** Calls a schedule, and once more if it has not been told of its definition yet. */
async function callSchedule<Result>(
  env: Env,
  schedule: ScheduleDefinition,
  call: (stub: DurableObjectStub<ScheduleMethods>) => Promise<Result | null>,
): Promise<Result | Failure> {
  try {
    const first = await call(scheduleStub(env, schedule));
    if (first !== null) return first;
    await topologyStub(env, schedule.namespace).propagateOne('schedule', schedule.name);
    const second = await call(scheduleStub(env, schedule));
    if (second !== null) return second;
  } catch (error) {
    console.error(`schedule ${schedule.name} failed`, error);
    const isDisk = diskFailureOf(error);
    if (isDisk) return isDisk;
  }
  return failure('schedule_unavailable', `schedule "${schedule.name}" did not answer; try again`);
}

function fieldsOf({ name, config, isPaused }: ScheduleDefinition): ScheduleList['schedules'][number] {
  const { trace: _, ...declared } = config;
  return { schedule: name, ...declared, message: sentMessage(config.message), is_paused: isPaused };
}

function scheduleReply(
  c: AppContext,
  schedule: ScheduleDefinition,
  topologyVersion: number,
  status: 200 | 201,
): Response {
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
  const reply = { ...fieldsOf(schedule), topology_version: topologyVersion } satisfies ScheduleReply;
  return jsonReply(c, reply, status);
}
