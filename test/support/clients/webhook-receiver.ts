/** A receiver of webhooks: a real HTTP server that keeps what it is sent and answers as a test asks for. */

import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface ReceivedWebhook<Body = unknown> {
  headers: IncomingHttpHeaders;
  /** As it came. */
  text: string;
  body: Body;
  /** What it was answered with. */
  status: number;
}

export class WebhookReceiver<Body = unknown> {
  readonly received: ReceivedWebhook<Body>[] = [];
  /** What it answers with from now on. */
  answer: { status: number; headers?: Record<string, string> } = { status: 204 };
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start<Body = unknown>(): Promise<WebhookReceiver<Body>> {
    const server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const { status, headers = {} } = receiver.answer;
        receiver.received.push({ headers: request.headers, text, body: JSON.parse(text) as Body, status });
        response.writeHead(status, headers).end();
      });
    });
    const receiver = new WebhookReceiver<Body>(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** Those that it has taken. */
  get taken(): ReceivedWebhook<Body>[] {
    return this.received.filter(({ status }) => status < 300);
  }

  /** Waits until it has been sent so many that it took. */
  async untilTaken(count: number): Promise<ReceivedWebhook<Body>[]> {
    await until(() => this.taken.length >= count, `${count} webhooks taken; there are ${this.taken.length}`);
    return this.taken;
  }

  async untilReceived(count: number): Promise<ReceivedWebhook<Body>[]> {
    await until(() => this.received.length >= count, `${count} webhooks; there are ${this.received.length}`);
    return this.received;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export async function until(
  isTrue: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 15_000,
): Promise<void> {
  for (const endMs = performance.now() + withinMs; performance.now() < endMs; await delay(20)) {
    if (await isTrue()) return;
  }
  throw new Error(`waited ${withinMs} ms for ${what}`);
}
