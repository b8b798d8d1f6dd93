/** Push endpoint: a real HTTP server that keeps what it is sent as bytes, and answers as a test says, or does not. */

import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './webhook-receiver.ts';

export interface PushRequest {
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  /** When it came, by `performance.now()`. */
  atMs: number;
}

/** Answers a request: with a status, or by itself, badly. */
export type Answer = number | ((response: ServerResponse, request: PushRequest) => void);

export class PushEndpoint {
  readonly requests: PushRequest[] = [];
  /** How it answers from now on. */
  answer: (request: PushRequest) => Answer = () => 204;
  /** Requests that it has not answered, and the most of them at once. */
  open = 0;
  mostOpen = 0;
  readonly #server: Server;
  readonly #port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
  }

  /** @param port to be on the same again */
  static async start(port = 0): Promise<PushEndpoint> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const parts: Buffer[] = [];
      endpoint.open += 1;
      endpoint.mostOpen = Math.max(endpoint.mostOpen, endpoint.open);
      response.on('close', () => (endpoint.open -= 1));
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const push = { headers: request.headers, bytes: Buffer.concat(parts), atMs: performance.now() };
        endpoint.requests.push(push);
        const answer = endpoint.answer(push);
        if (typeof answer === 'number') response.writeHead(answer).end();
        else answer(response, push);
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const endpoint = new PushEndpoint(server, (server.address() as AddressInfo).port);
    return endpoint;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  /** What came as JSON. */
  json<Body = never>(): Body[] {
    return this.requests.map(({ bytes }) => JSON.parse(bytes.toString()) as Body);
  }

  async untilRequests(count: number, withinMs?: number): Promise<PushRequest[]> {
    await until(() => this.requests.length >= count, `${count} requests`, withinMs);
    return this.requests;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
