/**
 * Stored state of a group: one JSON text under the key `data`, and its continuation under `data.1`, `data.2`, ... if it does not
 * fit one value.
 */

import type { GroupState } from '../../core/group/group-state.ts';

/** Characters of a stored value: the platform takes 2 MB. Most groups need a thousandth. */
const PART_LENGTH = 1_000_000;

interface FirstPart {
  parts: number;
  text: string;
}

/** Returns the stored state, or null if there is none. */
export async function readGroup(storage: DurableObjectStorage): Promise<GroupState | null> {
  const first = await storage.get<FirstPart>('data');
  if (!first) return null;
  let { text } = first;
  for (let nth = 1; nth < first.parts; nth++) text += await storage.get<string>(`data.${nth}`);
  return JSON.parse(text) as GroupState;
}

/** Returns what to store under which key. All of it is written together. */
export function rowsOf(group: GroupState): Record<string, unknown> {
  const text = JSON.stringify(group);
  const parts = Math.ceil(text.length / PART_LENGTH);
  const rows: Record<string, unknown> = {};
  for (let nth = 0; nth < parts; nth++) {
    const part = text.slice(nth * PART_LENGTH, (nth + 1) * PART_LENGTH);
    if (nth === 0) rows['data'] = { parts, text: part } satisfies FirstPart;
    else rows[`data.${nth}`] = part;
  }
  return rows;
}
