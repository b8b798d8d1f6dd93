/**
 * Record exchange: reads of records over connections of their own, everything else as the SDK does it. So are reads from a broker
 * with TLS or behind a proxy, and those that a connection could not do: to read again does no harm.
 */

import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import type { Exchange, ExchangeInit, Reply } from '../../../sdk/client/http/exchange.ts';
import { isFetchArranged } from '../../../sdk/client/node-platform.ts';
import { RecordConnection } from './record-connection.ts';

/** The broker closes a connection that was idle for 5 s. A request must not meet that. In ms. */
const IDLE_MS_MAX = 4_000;

const SCHEME = 'http://';

/** What neither ends a header nor means something else than it says: what a token has may come from a client. */
const IS_TARGET = /^[\x21-\x7e]+$/;
const IS_VALUE = /^[\t\x20-\x7e]*$/;

interface Origin {
  idle: RecordConnection[];
  /** Its replies are of a form that connections here do not read, as behind a proxy that sends them in chunks. */
  isOther: boolean;
}

export function recordExchange(other: Exchange): Exchange {
  const origins = new Map<string, Origin>();
  return async (url, init) => {
    const request = requestOf(url, init);
    const reply = request && (await ask(origins, request, init.signal));
    // Node does not notice a signal that has fired before.
    if (init.signal.aborted) throw init.signal.reason as Error;
    return reply ?? (await other(url, init));
  };
}

interface Request {
  origin: string;
  text: string;
}

/** Null if the request is not for here. */
function requestOf(url: string, { method, headers, body, signal }: ExchangeInit): Request | null {
  const isRead = method === 'GET' && body === undefined && headers['accept'] === RECORD_BATCH_TYPE;
  if (!isRead || !url.startsWith(SCHEME) || isFetchArranged() || signal.aborted) return null;
  const pathAt = url.indexOf('/', SCHEME.length);
  const origin = url.slice(SCHEME.length, pathAt);
  const path = url.slice(pathAt);
  const fields = Object.entries(headers);
  const isPlain = fields.every(([name, value]) => IS_TARGET.test(name) && IS_VALUE.test(value));
  if (pathAt < 0 || origin.includes('@') || !IS_TARGET.test(path) || !isPlain) return null;
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return { origin, text: `GET ${path} HTTP/1.1\r\nhost: ${origin}\r\n${lines.join('')}\r\n` };
}

async function ask(
  origins: Map<string, Origin>,
  { origin, text }: Request,
  signal: AbortSignal,
): Promise<Reply | null> {
  let known = origins.get(origin);
  if (known === undefined) origins.set(origin, (known = { idle: [], isOther: false }));
  if (known.isOther) return null;
  let connection = known.idle.pop();
  while (connection && !connection.isOpen) connection = known.idle.pop();
  const asked = connection ?? connectionTo(origin);
  const onAbort = (): void => asked.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  const reply = await asked.ask(text);
  signal.removeEventListener('abort', onAbort);
  if (asked.isUnfit) known.isOther = true;
  if (reply !== null && asked.isOpen) {
    asked.rest(IDLE_MS_MAX);
    known.idle.push(asked);
  }
  return reply;
}

function connectionTo(origin: string): RecordConnection {
  const { hostname, port } = new URL(`${SCHEME}${origin}`);
  return new RecordConnection(hostname.replace(/^\[|\]$/g, ''), Number(port || 80));
}
