/** The rules of schedules as they are declared: what a declaration makes, and what pausing does. */

import type { ScheduleDeclaration } from '../../protocol/schemas/schedules.ts';

export interface ScheduleDefinition {
  readonly namespace: string;
  readonly name: string;
  /** The version of the topology that created it: part of its object's name. */
  readonly id: number;
  /** The version of the topology that changed it last. */
  readonly version: number;
  readonly config: ScheduleDeclaration;
  readonly isPaused: boolean;
}

/** Creates a schedule or replaces it; the same one if nothing changes. One that is paused stays so. */
export function declareSchedule(
  existing: ScheduleDefinition | null,
  namespace: string,
  name: string,
  config: ScheduleDeclaration,
  nextVersion: number,
): ScheduleDefinition {
  if (existing && JSON.stringify(existing.config) === JSON.stringify(config)) return existing;
  const id = existing?.id ?? nextVersion;
  return { namespace, name, id, version: nextVersion, config, isPaused: existing?.isPaused ?? false };
}

export function pauseSchedule(
  existing: ScheduleDefinition,
  isPaused: boolean,
  nextVersion: number,
): ScheduleDefinition {
  return existing.isPaused === isPaused ? existing : { ...existing, version: nextVersion, isPaused };
}

/** The name of a schedule's object. */
export function scheduleObjectName({
  namespace,
  name,
  id,
}: Pick<ScheduleDefinition, 'namespace' | 'name' | 'id'>): string {
  return `${namespace}/${name}#${id}`;
}
