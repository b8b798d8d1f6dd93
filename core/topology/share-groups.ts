/** The rules of share groups as they are declared. */

import type { ShareGroupConfig } from '../../protocol/share-groups.ts';

export interface ShareGroupDefinition {
  readonly namespace: string;
  readonly name: string;
  /** The version of the topology that created it: what partitions keep of an older one of its name is not its own. */
  readonly id: number;
  /** The version of the topology that changed it last. Partitions refuse calls made with an older one. */
  readonly version: number;
  readonly config: ShareGroupConfig;
}

/** Creates a share group or replaces its settings; the same one where nothing changes. */
export function declareShareGroup(
  existing: ShareGroupDefinition | null,
  namespace: string,
  name: string,
  config: ShareGroupConfig,
  nextVersion: number,
): ShareGroupDefinition {
  if (existing && JSON.stringify(existing.config) === JSON.stringify(config)) return existing;
  return { namespace, name, id: existing?.id ?? nextVersion, version: nextVersion, config };
}
