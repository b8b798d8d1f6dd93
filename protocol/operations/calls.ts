/**
 * Calls: what the router has to know of each operation before a handler runs. Schemas and descriptions are not among it. The build
 * of the worker replaces this module by its values (scripts/broker/deployed-worker.ts), so that an isolate begins without them.
 */

import { operations, type Operation } from './index.ts';

export interface Call extends Pick<Operation, 'id' | 'method' | 'path' | 'access' | 'audit' | 'rate'> {
  /** True if the call opens a WebSocket. */
  readonly isSocket: boolean;
  /** The parameters of its query that the audit keeps. */
  readonly audited?: readonly string[];
}

export type CallId = keyof typeof operations;

function callOf({ id, method, path, access, audit, rate, query, replies }: Operation): Call {
  return {
    id,
    method,
    path,
    access,
    ...(audit !== undefined && { audit }),
    ...(rate !== undefined && { rate }),
    isSocket: 101 in replies,
    ...(audit !== undefined && query !== undefined && { audited: Object.keys(query.shape) }),
  };
}

export const calls = Object.fromEntries(
  Object.entries<Operation>(operations).map(([id, operation]) => [id, callOf(operation)]),
) as Readonly<Record<CallId, Call>>;
