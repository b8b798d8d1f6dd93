/** Reset of offsets: the call that moves a group or a share group. */

import { jsonBody, type Transport } from '../client/transport.ts';
import type { CallOptions } from '../client/options.ts';
import { fromWire, toWire } from '../client/wire.ts';
import { wireOffset, type StartPosition } from '../values/start-position.ts';

/** @param path of the group */
export async function resetOffsets<Result>(
  transport: Transport,
  path: string,
  { to, ...fields }: { topic: string; to?: StartPosition | 'none' },
  options: CallOptions,
): Promise<Result[]> {
  const target = to === undefined || to === 'none' ? to : wireOffset(to, 'to');
  const { offsets } = await transport.json<{ offsets: object[] }>({
    method: 'PUT',
    path: `${path}/offsets`,
    ...jsonBody({ ...toWire(fields), to: target }),
    ...options,
  });
  return offsets.map((offset) => fromWire<Result>(offset));
}
