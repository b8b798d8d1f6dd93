/** Calls of the fuzzer's own: the runtime may close a connection that is kept for the next request at any moment. */

import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { Reply, TestBroker } from '../../support/broker/test-broker.ts';

/** As `TestBroker.call`, once more on another connection if the first was closed. The methods here can be repeated. */
export async function call<Body = ProblemDocument>(
  broker: TestBroker,
  method: string,
  path: string,
  body?: unknown,
): Promise<Reply<Body>> {
  try {
    return await broker.call<Body>(method, path, body);
  } catch (error) {
    if (!isClosed(error)) throw error;
    return await broker.call<Body>(method, path, body);
  }
}

/** The connection was closed before an answer, as of one that had been idle. */
export function isClosed(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code === 'UND_ERR_SOCKET' || cause?.code === 'ECONNRESET' || cause?.code === 'EPIPE';
}
