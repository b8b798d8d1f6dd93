/** One HTTP request on a socket of its own, whose client can vanish in every way that the network knows. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class RawClient {
  readonly socket: Socket;
  /** All that has come. */
  text = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (this.text += chunk));
    socket.on('error', () => {});
  }

  static async send(
    url: string,
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<RawClient> {
    const { hostname, port, pathname } = new URL(url);
    const client = new RawClient(connect(Number(port), hostname));
    await once(client.socket, 'connect');
    const text = body === undefined ? '' : JSON.stringify(body);
    const head = {
      host: hostname,
      ...(body && { 'content-type': 'application/json' }),
      'content-length': String(text.length),
      ...headers,
    };
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    client.socket.write(
      `${method} ${pathname.replace(/\/$/, '')}${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`,
    );
    return client;
  }

  /** Closes as a process does that ends: FIN, and a reset for what is still sent to it. */
  vanish(): void {
    this.socket.destroy();
  }

  /** Says that nothing more will be sent, and reads on. */
  closeHalf(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Resolves when the other side has closed, or its answer is complete. */
  async ended(): Promise<void> {
    while (!this.socket.closed && !this.text.endsWith('0\r\n\r\n'))
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1]);
  }

  /** The body without its chunks; null if it is not complete. */
  get body(): string | null {
    let rest = this.text.slice(this.text.indexOf('\r\n\r\n') + 4);
    let body = '';
    for (;;) {
      const line = /^([0-9a-f]+)\r\n/i.exec(rest);
      if (!line) return null;
      const length = parseInt(line[1]!, 16);
      if (length === 0) return body;
      body += rest.slice(line[0].length, line[0].length + length);
      rest = rest.slice(line[0].length + length + 2);
    }
  }
}
