/** The rules of share groups as they are declared. */

import type { ShareGroupConfig } from '../../protocol/schemas/share-groups.ts';

export interface ShareGroupDefinition {
  readonly namespace: string;
  readonly name: string;
  /** The version of the topology that created it: what partitions keep of an older one of its name is not its own. */
  readonly id: number;
  /** The version of the topology that changed it last. Partitions refuse calls made with an older one. */
  readonly version: number;
  readonly config: ShareGroupConfig;
  /**
   * Of each topic its id and partitions when the group first saw it: `start: latest` means the end of those, and what appears
   * later is read from its start. Absent in what was stored before it was kept: all begin at the end.
   */
  readonly seen?: Readonly<Record<string, SeenTopic>>;
}

export interface SeenTopic {
  readonly id: number;
  readonly partitions: number;
}

/** Whether the group begins at the end of a partition that it has not read yet. */
export function beginsAtEnd(
  { config, seen }: ShareGroupDefinition,
  topic: { name: string; id: number },
  partition: number,
): boolean {
  if (config.start !== 'latest') return false;
  if (seen === undefined) return true;
  const known = Object.hasOwn(seen, topic.name) ? seen[topic.name] : undefined;
  return known?.id === topic.id && partition < known.partitions;
}

/** Creates a share group or replaces its settings; the same one if nothing changes. */
export function declareShareGroup(
  existing: ShareGroupDefinition | null,
  namespace: string,
  name: string,
  config: ShareGroupConfig,
  topics: Readonly<Record<string, SeenTopic>>,
  nextVersion: number,
): ShareGroupDefinition {
  if (existing && JSON.stringify(existing.config) === JSON.stringify(config)) return existing;
  const seen = existing && !existing.seen ? undefined : { ...topics, ...existing?.seen };
  const id = existing?.id ?? nextVersion;
  return { namespace, name, id, version: nextVersion, config, ...(seen && { seen }) };
}
