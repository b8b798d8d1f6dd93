/** A gallery: a small HTTP server with pictures, which takes thumbnails. Some pictures come late, and one is none. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export class Gallery {
  readonly pictures = new Map<string, Uint8Array>();
  /** How often each thumbnail was stored. */
  readonly thumbnails = new Map<string, number>();
  /** Pictures that are not there when they are asked for first. */
  readonly late = new Set<string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const [, kind, name = ''] = (request.url ?? '').split('/');
      const picture = this.pictures.get(name);
      if (kind === 'thumbnails') {
        this.thumbnails.set(name, (this.thumbnails.get(name) ?? 0) + 1);
        request.resume().on('end', () => response.writeHead(204).end());
      } else if (picture === undefined || this.late.delete(name)) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': 'image/png' }).end(picture);
    });
  }

  static async start(): Promise<Gallery> {
    const gallery = new Gallery();
    await new Promise<void>((resolve) => gallery.#server.listen(0, '127.0.0.1', resolve));
    return gallery;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
