/** A proxy between a client and the broker that sees, spoils, delays and cuts WebSockets, and passes all else as it is. */

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** One connection that became, or asked to become, a WebSocket. */
export interface Link {
  /** Cuts both ends as a network does that is gone. */
  cut: () => void;
  readonly isOpen: boolean;
}

/** Sees what comes after the opening. Returns what is passed on; null: nothing. */
export type Filter = (chunk: Buffer, link: Link) => Buffer | null | Promise<Buffer | null>;

export class CuttingProxy {
  /** Links that asked for a socket, in order. */
  readonly links: Link[] = [];
  /** POST requests that passed on connections of their own. */
  posts = 0;
  /** Answers openings with 403, as some proxies do. */
  isRefusing = false;
  /** What a client sends on a socket, and what the broker does. Replaced by tests. */
  up: Filter = (chunk) => chunk;
  down: Filter = (chunk) => chunk;
  readonly #server: Server;
  readonly #target: URL;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${this.#target.pathname.replace(/\/$/, '')}`;
  }

  get openLinks(): number {
    return this.links.filter(({ isOpen }) => isOpen).length;
  }

  stop(): void {
    this.#server.close();
    for (const link of this.links) link.cut();
  }

  #accept(client: Socket): void {
    const broker = connect(Number(this.#target.port), this.#target.hostname);
    let isSocket = false;
    let isOpened = false;
    const link: Link = {
      cut: () => {
        client.resetAndDestroy();
        broker.resetAndDestroy();
      },
      get isOpen() {
        return isSocket && !client.closed && !client.destroyed;
      },
    };
    const pass = (from: Socket, to: Socket, filter: () => Filter): void => {
      let last = Promise.resolve();
      from.on('error', () => to.destroy());
      from.on('close', () => void last.then(() => to.destroySoon()));
      from.on('data', (chunk: Buffer) => {
        if (from === client && !isSocket) {
          const head = chunk.toString('latin1');
          if (/^POST /.test(head)) this.posts += 1;
          if (/^GET [^\r]*\r\n(?:[^\r]+\r\n)*upgrade: websocket/i.test(head)) {
            isSocket = true;
            this.links.push(link);
            if (this.isRefusing)
              return void client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
            to.write(chunk);
            return;
          }
        }
        if (!isSocket || (from === broker && !isOpened)) {
          isOpened = isSocket;
          return void to.write(chunk);
        }
        last = last.then(async () => {
          const passed = await filter()(chunk, link);
          if (passed !== null && !to.destroyed) to.write(passed);
        });
      });
    };
    pass(client, broker, () => this.up);
    pass(broker, client, () => this.down);
  }
}
