/** A proxy between a client and the broker that holds requests back, or refuses them, as the test says. */

import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a request: it passes, it waits for `release`, or it is answered 403. */
type Verdict = 'pass' | 'hold' | 'refuse';

export class HoldingProxy {
  /** Replaced by tests. */
  judge: (method: string, path: string) => Verdict = () => 'pass';
  readonly #held: (() => void)[] = [];
  readonly #server: Server;

  private constructor(target: string) {
    this.#server = createServer((asked, reply) => this.#take(new URL(asked.url!, target), asked, reply));
  }

  /** @param target the broker, without a path */
  static async start(target: string): Promise<HoldingProxy> {
    const proxy = new HoldingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get held(): number {
    return this.#held.length;
  }

  /** Lets everything pass, also what waits. */
  release(): void {
    this.judge = () => 'pass';
    for (const pass of this.#held.splice(0)) pass();
  }

  stop(): void {
    this.release();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(url: URL, asked: IncomingMessage, reply: ServerResponse): void {
    const verdict = this.judge(asked.method!, url.pathname);
    const pass = (): void => {
      const headers = { ...asked.headers, host: url.host };
      const sent = request(url.href, { method: asked.method!, headers }, (answer) => {
        reply.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(reply);
      });
      sent.on('error', () => reply.destroy());
      asked.pipe(sent);
    };
    if (verdict === 'pass') return pass();
    if (verdict === 'hold') return void this.#held.push(pass);
    asked.resume();
    reply.writeHead(403, { 'content-type': 'application/problem+json' });
    reply.end(
      JSON.stringify({ title: 'refused', status: 403, code: 'forbidden', detail: 'the test refuses it' }),
    );
  }
}
