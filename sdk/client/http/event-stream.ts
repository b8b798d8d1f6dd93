/** Event stream: the data of server-sent events, one after another. */

import { messageOf, PosthornError } from '../../errors.ts';
import { errorOfReply } from './reply-error.ts';
import type { Transport } from '../transport.ts';

const ACCEPT = 'text/event-stream';

/**
 * Makes one attempt, and ends when the broker ends the stream or the signal fires.
 * @param path below the namespace
 * @throws PosthornError of the reply, or `connection_failed`
 */
export async function* eventsOf(
  { config }: Transport,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  try {
    const headers = { ...(await config.headers()), accept: ACCEPT };
    const response = await config.fetch(`${config.baseUrl}${path}`, { method: 'GET', headers, signal });
    if (!response.ok || response.body === null) {
      const bytes = new Uint8Array(await response.arrayBuffer());
      throw errorOfReply(`GET ${path}`, { status: response.status, headers: response.headers, bytes });
    }
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const data = block.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
        if (data.length > 0) yield data.join('\n');
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof PosthornError) throw error;
    throw new PosthornError('connection_failed', `GET ${path}: ${messageOf(error)}`, { cause: error });
  }
}
