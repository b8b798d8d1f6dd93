/** Fencing of a group: tells partitions that members are gone, until all know or it fails. Then the alarm tries again. */

import { fenced } from '../../core/group/membership.ts';
import { partitionOf, type GroupState } from '../../core/group/group-state.ts';
import type { Env } from '../env.ts';
import { tellPartitions } from './fence-partitions.ts';

/** After a partition could not be told that a member is gone. */
export const FENCE_RETRY_MS = 5_000;

export interface FencingHost {
  readonly env: Env;
  group(): GroupState;
  save(): void;
  /** Flushes at that time; null: not. */
  schedule(dueMs: number | null): void;
}

export class Fencing {
  readonly #host: FencingHost;
  /** The telling that is under way. */
  #telling: Promise<void> | null = null;

  constructor(host: FencingHost) {
    this.#host = host;
  }

  flush(): Promise<void> {
    this.#telling ??= this.#tell().finally(() => (this.#telling = null));
    return this.#telling;
  }

  async #tell(): Promise<void> {
    const host = this.#host;
    for (;;) {
      const group = host.group();
      const [entry] = Object.entries(group.fencing);
      if (!entry) return host.schedule(null);
      const [memberId, { epoch, partitions }] = entry;
      const told = await tellPartitions(host.env, group, partitions.map(partitionOf), epoch);
      if (host.group() !== group) continue; // it was deleted meanwhile
      if (!told) return host.schedule(Date.now() + FENCE_RETRY_MS);
      // A member may have come back under its id and be gone again, with further partitions.
      if (group.fencing[memberId]?.epoch !== epoch) continue;
      fenced(group, memberId);
      host.save();
    }
  }
}
