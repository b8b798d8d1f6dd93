/** Sender of operations: makes the HTTP call of one from the values of its fields. */

import type { OperationField } from '../../../protocol/operations/fields.ts';
import type { Operation } from '../../../protocol/operations/index.ts';
import type { FlagValue } from '../arguments/flag.ts';
import { jsonBody, jsonOf, type HttpCall } from '../../client/transport.ts';
import type { Connection } from '../connection/connection.ts';

export interface FilledOperation {
  readonly operation: Operation;
  readonly fields: readonly OperationField[];
  /** By name on the wire; fields that are left out are absent. */
  readonly values: ReadonlyMap<string, FlagValue>;
}

export function callOf({ operation, fields, values }: FilledOperation, signal: AbortSignal): HttpCall {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(values.get(name) as string),
  );
  const query: Record<string, string> = {};
  const body: Record<string, unknown> = {};
  for (const field of fields) {
    const value = values.get(field.name);
    if (value === undefined || field.in === 'path') continue;
    if (field.in === 'body') body[field.name] = value;
    else
      query[field.name] = encodeURIComponent(
        typeof value === 'object' ? JSON.stringify(value) : String(value),
      );
  }
  // Members that the document does not name, where it allows some.
  for (const [name, value] of values) if (!fields.some((field) => field.name === name)) body[name] = value;
  return {
    method: operation.method.toUpperCase() as HttpCall['method'],
    path,
    query,
    ...(operation.body !== undefined && jsonBody(body)),
    signal,
    ...(waitOf(values) > 0 && { timeoutMs: waitOf(values) + WAIT_MARGIN_MS }),
  };
}

/** For the reply to a request that may wait, beyond its wait. */
const WAIT_MARGIN_MS = 30_000;

const waitOf = (values: ReadonlyMap<string, FlagValue>): number => Number(values.get('wait_ms') ?? 0);

/** Sends it. What can be repeated safely is tried again after a temporary failure; other calls are made once. */
export async function sendOperation(
  filled: FilledOperation,
  { root }: Connection,
  signal: AbortSignal,
): Promise<object> {
  const call = callOf(filled, signal);
  if (call.method === 'POST' || call.method === 'PATCH') return jsonOf<object>(await root.call(call));
  return await root.json<object>(call);
}

/** Sends a GET for a list, page by page, and returns one reply with all items. */
export async function sendForAllPages(
  filled: FilledOperation,
  connection: Connection,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  let reply: Record<string, unknown> | undefined;
  for (let after: string | undefined; ;) {
    const values = after === undefined ? filled.values : new Map(filled.values).set('after', after);
    const page = (await sendOperation({ ...filled, values }, connection, signal)) as Record<string, unknown>;
    const name = listIn(page);
    if (reply === undefined) reply = page;
    else if (name !== undefined) (reply[name] as unknown[]).push(...(page[name] as unknown[]));
    if (typeof page['next'] !== 'string') {
      delete reply['next'];
      return reply;
    }
    after = page['next'];
  }
}

/** The member of a reply that is its list. */
export function listIn(reply: object): string | undefined {
  return Object.entries(reply).find(([, value]) => Array.isArray(value))?.[0];
}
