/** Calls of the HTTP API by the page: errors as one class, whether the broker answers, and whether it asks for a login. */

import { signal } from '@preact/signals';

export const connection = signal<'answers' | 'lost'>('answers');
export const isLoginNeeded = signal(false);

/** Whether there is something to log out of: a broker of one's own machine may do without tokens. */
export const hasSessions = signal(false);

const SESSION = '/dashboard/session';

export class CallError extends Error {
  /** 0: nothing answered. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface CallOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** @param path below `/v1`, made by `pathOf` */
export async function call<Reply>(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  return (await send(method, `/v1/${path}`, options)) as Reply;
}

/** As `call`, of the calls on namespaces and tokens. @param path below `/admin/v1`, made by `pathOf` */
export async function callAdmin<Reply>(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Reply> {
  return (await send(method, `/admin/v1/${path}`, options)) as Reply;
}

/** A path of names, with the query behind it. */
export function pathOf(names: readonly string[], query: Record<string, string | number | undefined> = {}) {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  const search = new URLSearchParams(given).toString();
  return `${names.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

export async function askForSessions(): Promise<void> {
  const reply = (await send('GET', SESSION, {})) as { needs_token: boolean };
  hasSessions.value = reply.needs_token;
}

export async function logIn(token: string): Promise<void> {
  await send('POST', SESSION, { body: { token } });
  isLoginNeeded.value = false;
}

export async function logOut(): Promise<void> {
  await send('DELETE', SESSION, {}).catch(() => {});
  isLoginNeeded.value = true;
}

/** What went wrong, for people. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof CallError)) return error instanceof Error ? error.message : String(error);
  if (error.status === 403) return `Your token may not do this. ${error.message}`;
  return error.message;
}

async function send(method: string, url: string, { body, signal: abort }: CallOptions): Promise<unknown> {
  const reply = await fetch(url, {
    method,
    credentials: 'same-origin',
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    ...(abort ? { signal: abort } : {}),
  }).catch((error: unknown) => {
    if (abort?.aborted) throw error;
    connection.value = 'lost';
    throw new CallError(0, 'unreachable', 'The broker does not answer.');
  });
  const text = await reply.text();
  connection.value = 'answers';
  if (reply.ok) return text === '' ? null : parseExact(text);
  const problem = readProblem(text, reply.status);
  if (reply.status === 401 && url !== SESSION) isLoginNeeded.value = true;
  throw problem;
}

function readProblem(text: string, status: number): CallError {
  try {
    const { code, detail, title } = JSON.parse(text) as Record<string, string>;
    return new CallError(status, code ?? '', detail ?? title ?? `the broker answered ${status}`);
  } catch {
    return new CallError(status, '', `the broker answered ${status}`);
  }
}

/** Numbers that JavaScript would round or write otherwise stay as they were written, where the browser knows how. */
type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;
const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };

function parseExact(text: string): unknown {
  if (rawJSON === undefined) return JSON.parse(text);
  const keep: Reviver = (_, value, context) =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? rawJSON(context.source)
      : value;
  return (JSON.parse as (json: string, reviver: Reviver) => unknown)(text, keep);
}
