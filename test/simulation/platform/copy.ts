/** Copies of call arguments: neither side sees what the other does to a value afterwards. */

import { SimRequest, SimResponse } from './http.ts';

export function copied<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof SimRequest || value instanceof SimResponse) return value; // immutable
  if (value instanceof Error) return value;
  if (value instanceof Uint8Array) return value.slice() as Value;
  if (Array.isArray(value)) return value.map(copied) as Value;
  if (value instanceof Map || value instanceof Set || value instanceof Date) return structuredClone(value);
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null) return structuredClone(value);
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) copy[name] = copied(member);
  return copy as Value;
}
