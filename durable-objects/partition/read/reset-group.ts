/** Reset of a group or share group: sets where it goes on in a partition, by offset, end, time or distance. */

import type { Failure } from '../../../protocol/errors.ts';
import type { GroupReset } from '../../rpc/partition.ts';
import type { ShareReset, ShareResetOutcome, StaleGroup } from '../../rpc/share-groups.ts';
import type { SharedLog } from '../share/shared-log.ts';
import type { Cleanable } from '../log/clean-up.ts';
import { resolveOffset } from './read-replies.ts';
import type { GroupOffsets } from '../groups/group-offsets.ts';

export function resetGroup(
  open: Cleanable & { groups: GroupOffsets },
  { group, epoch, to, isDryRun }: GroupReset,
): { from: number | null; to: number | null } | Failure {
  if (to === 'none') return open.groups.reset(group, epoch, { offset: null }, isDryRun);
  const isShift = typeof to === 'object' && 'shiftBy' in to;
  const where = isShift ? to : { offset: resolveOffset(open, to, 'read_uncommitted') };
  return open.groups.reset(group, epoch, where, isDryRun);
}

export function resetShareGroup(
  open: Cleanable & { shared: SharedLog },
  { group, to, isDryRun }: ShareReset,
): ShareResetOutcome | StaleGroup {
  return open.shared.reset(group, to === 'none' ? null : resolveOffset(open, to, 'read_committed'), isDryRun);
}
