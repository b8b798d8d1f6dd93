/** Reset position: where a reset goes, as partitions are told. */

import type { ShareReset } from '../../durable-objects/rpc/share-groups.ts';
import type { ResetTo } from '../../protocol/schemas/groups.ts';

export function resetPosition(to: ResetTo): ShareReset['to'] {
  if (typeof to === 'number' || to === 'earliest' || to === 'latest' || to === 'none') return to;
  return { timestampMs: Number(to.slice(1)) };
}
