/** amqplib's own definitions, which it generates from the specification: what the codec is compared with. */

import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface MethodInfo {
  id: number;
  classId: number;
  methodId: number;
  name: string;
  args: { type: string; name: string }[];
}

interface Definitions {
  info(id: number): MethodInfo;
  decode(id: number, payload: Uint8Array): Record<string, unknown>;
  encodeMethod(id: number, channel: number, fields: object): Uint8Array;
  encodeProperties(id: number, channel: number, size: number, fields: object): Uint8Array;
  BasicProperties: number;
  [name: string]: unknown;
}

// By its path: the package does not export it.
const path = join(import.meta.dirname, '../../../../node_modules/amqplib/lib/defs.js');
export const definitions = createRequire(import.meta.url)(path) as Definitions;

export const methodInfos: MethodInfo[] = Object.entries(definitions)
  .filter(([name, id]) => /^[A-Z][a-z]/.test(name) && typeof id === 'number' && name !== 'BasicProperties')
  .map(([, id]) => definitions.info(id as number));
