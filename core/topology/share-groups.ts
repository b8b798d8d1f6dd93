/** Share-group definitions: what a declaration makes, and where a group begins. */

import type { ShareGroupConfig } from '../../protocol/schemas/share-groups.ts';

export interface ShareGroupDefinition {
  readonly namespace: string;
  readonly name: string;
  /** The version of the topology that created it. Partitions tell by it a group from an older one of the same name. */
  readonly id: number;
  /** The version of the topology that changed it last. Partitions refuse calls made with an older one. */
  readonly version: number;
  readonly config: ShareGroupConfig;
  /**
   * The id and partitions of each topic when the group first saw it. With `start: latest` the group begins at the end of these
   * partitions, and at the start of later ones. Absent in older stored definitions: the group begins at the end of all.
   */
  readonly seen?: Readonly<Record<string, SeenTopic>>;
}

export interface SeenTopic {
  readonly id: number;
  readonly partitions: number;
}

/** Returns whether the group begins at the end of a partition that it has not read yet. */
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

/** Creates a share group or replaces its settings. Returns the same object if nothing changes. */
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
