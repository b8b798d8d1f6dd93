/** A stream on a bare socket, whose client can stop to read and to speak without closing anything: what a dead machine looks like. */

import { randomBytes } from 'node:crypto';
import { RawClient } from './raw-client.ts';
import { until } from '../broker/serve-process.ts';

export class RawStream {
  readonly #client: RawClient;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  static async open(url: string, queue: string, query = ''): Promise<RawStream> {
    const client = await RawClient.send(
      url,
      'GET',
      `/v1/default/queues/${queue}/stream?${query}`,
      undefined,
      {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-key': randomBytes(16).toString('base64'),
        'sec-websocket-version': '13',
      },
    );
    await until('the socket opens', () => client.status === 101);
    return new RawStream(client);
  }

  /** All that has come, as text. */
  get text(): string {
    return this.#client.text;
  }

  /** One frame of text of at most 125 bytes. */
  say(text: string): void {
    const bytes = Buffer.from(text);
    this.#client.socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]));
  }

  /** Reads nothing any more, says nothing, and closes nothing. */
  freeze(): void {
    this.#client.socket.pause();
  }

  thaw(): void {
    this.#client.socket.resume();
  }

  end(): void {
    this.#client.reset();
  }
}
