/** The endpoint of a shop: a small HTTP server that verifies each webhook before it believes it, and takes each order once. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Push {
  messages: { id: string; attempt: number; body: { order: number } }[];
}

/** A request that is older was recorded and sent again by somebody. */
const AGE_S_MAX = 300;

export class ShopEndpoint {
  /** Orders by the id of their message: one that comes twice is taken once. */
  readonly taken = new Map<string, number>();
  refused = 0;
  forged = 0;
  /** What it answers for an order. */
  statusOf: (order: number, attempt: number) => number = () => 200;
  /** `whsec_` and base64, as the reply to the declaration of the subscription had it. */
  secret = '';
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (part: string) => (body += part));
      request.on('end', () => response.writeHead(this.#take(request.headers, body)).end());
    });
  }

  static async start(): Promise<ShopEndpoint> {
    const endpoint = new ShopEndpoint();
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/orders`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(headers: IncomingHttpHeaders, body: string): number {
    if (!isSigned(this.secret, headers, body)) {
      this.forged += 1;
      return 401;
    }
    if (headers['posthorn-test'] === 'true') return 200;
    for (const { id, attempt, body: order } of (JSON.parse(body) as Push).messages) {
      const status = this.statusOf(order.order, attempt);
      if (status >= 300) {
        this.refused += 1;
        return status;
      }
      this.taken.set(id, order.order);
    }
    return 200;
  }
}

/** As the Standard Webhooks specification says. The package `standardwebhooks` does the same. */
function isSigned(secret: string, headers: IncomingHttpHeaders, body: string): boolean {
  const id = String(headers['webhook-id']);
  const timestamp = String(headers['webhook-timestamp']);
  if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > AGE_S_MAX) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const wanted = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .map((signature) => Buffer.from(signature.replace('v1,', ''), 'base64'))
    .some((given) => given.length === wanted.length && timingSafeEqual(given, wanted));
}
