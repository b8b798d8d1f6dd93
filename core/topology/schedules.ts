/** Schedule definitions: what a declaration makes, and what a pause does. */

import type { ScheduleDeclaration } from '../../protocol/schemas/schedules.ts';
import type { TraceContext } from '../../protocol/headers/trace-context.ts';

export interface ScheduleConfig extends ScheduleDeclaration {
  /** The context of the request that declared it first, for a message without one. Nobody is shown it. */
  trace?: TraceContext;
}

export interface ScheduleDefinition {
  readonly namespace: string;
  readonly name: string;
  /** The version of the topology that created it: part of its object's name. */
  readonly id: number;
  /** The version of the topology that changed it last. */
  readonly version: number;
  readonly config: ScheduleConfig;
  readonly isPaused: boolean;
}

/** Creates or replaces a schedule. Returns the same object if nothing changes. A paused schedule stays paused. */
export function declareSchedule(
  existing: ScheduleDefinition | null,
  namespace: string,
  name: string,
  config: ScheduleConfig,
  nextVersion: number,
): ScheduleDefinition {
  if (existing && declaredText(existing.config) === declaredText(config)) return existing;
  const id = existing?.id ?? nextVersion;
  return { namespace, name, id, version: nextVersion, config, isPaused: existing?.isPaused ?? false };
}

/** Without the trace, which is another one in each request. */
function declaredText(config: ScheduleConfig): string {
  const { trace: _, ...declared } = config;
  return JSON.stringify(declared);
}

export function pauseSchedule(
  existing: ScheduleDefinition,
  isPaused: boolean,
  nextVersion: number,
): ScheduleDefinition {
  return existing.isPaused === isPaused ? existing : { ...existing, version: nextVersion, isPaused };
}

/** Returns the name of a schedule's object. */
export function scheduleObjectName({
  namespace,
  name,
  id,
}: Pick<ScheduleDefinition, 'namespace' | 'name' | 'id'>): string {
  return `${namespace}/${name}#${id}`;
}
