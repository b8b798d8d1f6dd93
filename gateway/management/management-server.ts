/**
 * Management server: as much of RabbitMQ's management API as rabbitmqadmin and monitoring plugins use. Logins are those of AMQP, by
 * Basic authentication. Connections, with their channels and
 * consumers, are those of this gateway that have the same credential.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isName } from '../../protocol/names/name-rule.ts';
import { asPosthornError } from '../../sdk/errors.ts';
import { isPortError } from '../../wire/amqp/reply-codes.ts';
import { BrokerClients, type BrokerClient } from '../amqp/connection/broker-clients.ts';
import type { OpenConnection } from '../amqp/connection/amqp-session.ts';
import { credentialOf, probe } from '../amqp/connection/credentials.ts';
import { ExclusiveQueues } from '../amqp/queues/exclusive-queues.ts';
import { QueueConsumers } from '../amqp/queues/queue-consumers.ts';
import { QueueEndings } from '../amqp/queues/queue-endings.ts';
import { SdkPort } from '../amqp/sdk-port.ts';
import { answerOf, type Call, type Listener } from './routes.ts';
import { namespaceOf } from '../amqp/connection/virtual-host.ts';
import { Refused, VhostCalls, type Fields } from './vhost-calls.ts';
import { createVhost, deleteVhost, vhostsOf } from './vhosts.ts';

export interface ManagementServerOptions {
  /** Of the broker. */
  url: string;
  /** 0: any free port. */
  port: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** The connections that are shown and can be closed. Default: none. */
  amqp?: { port: number; tlsPort: number | null; connections(): OpenConnection[] };
}

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

const HOST_DEFAULT = '127.0.0.1';
const BODY_BYTES_MAX = 8 * 1024 * 1024;

/** Word for word RabbitMQ's: clients compare it. */
const NOT_FOUND = { error: 'Object Not Found', reason: 'Not Found' };

const STATUS: Partial<Record<Refused['reply'], number>> = { 'not-found': 404, 'access-refused': 403 };

export class ManagementServer {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Rejects if the port is taken. */
  static async start(options: ManagementServerOptions): Promise<ManagementServer> {
    const { url, port, host = HOST_DEFAULT } = options;
    const clients = new BrokerClients({ url });
    const server = createServer((request, response) => void serve(options, clients, request, response));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return new ManagementServer(server);
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

async function serve(
  options: ManagementServerOptions,
  clients: BrokerClients,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { url, amqp } = options;
  const opened: BrokerClient[] = [];
  const ports: SdkPort[] = [];
  const send = (status: number, body: object | null, headers: object = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body === null ? undefined : JSON.stringify(body));
  };
  try {
    const login = loginOf(request.headers.authorization);
    const isHere = /^(?:::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '');
    const credential = login === null ? null : await credentialOf({ url }, login, isHere);
    if (credential === null || isPortError(credential)) {
      const headers = { 'www-authenticate': 'Basic realm="Posthorn Management"' };
      return send(401, { error: 'not_authorized', reason: 'Login failed' }, headers);
    }
    const { token } = credential;
    // Everybody knows the password of guest: a page of a browser must not come here by a name of its own for this address.
    if (token === null && !LOOPBACK_HOST.test(request.headers.host ?? '')) {
      return send(403, {
        error: 'not_authorized',
        reason: 'without tokens only names of this machine are taken',
      });
    }
    const call: Call = {
      user: login!.user,
      mayAll: token === null,
      vhosts: () => vhostsOf(url, token),
      createVhost: (vhost) => createVhost(url, token, vhost),
      deleteVhost: (vhost) => deleteVhost(url, token, vhost),
      listeners: () => listenersOf(options, request.socket.localPort ?? options.port),
      connections: () => (amqp?.connections() ?? []).filter(({ credential: own }) => own.token === token),
      calls: async (vhost) => {
        const namespace = namespaceOf(vhost);
        const problem = isName(namespace) ? await probe({ url }, namespace, token) : 'namespace_not_found';
        if (problem !== null) {
          const reply = problem === 'namespace_not_found' ? 'not-found' : 'access-refused';
          throw new Refused({ reply, reason: `vhost '${vhost}': ${problem}` });
        }
        const client = clients.take(namespace, token);
        opened.push(client);
        const blocked = Promise.withResolvers<string>();
        const port = new SdkPort({
          client,
          namespace,
          virtualHost: vhost,
          exclusive: new ExclusiveQueues(),
          consumers: new QueueConsumers(),
          endings: new QueueEndings(),
          drained: () => undefined,
          setBlocked: (reason) => reason !== null && blocked.resolve(reason),
        });
        ports.push(port);
        return new VhostCalls(vhost, client, port, blocked.promise);
      },
    };
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://gateway');
    const parts = pathname.replace(/\/$/, '').split('/').slice(1).map(decodeURIComponent);
    const body = await bodyOf(request);
    const answer =
      parts[0] === 'api' ? await answerOf(call, request.method!, parts.slice(1), searchParams, body) : null;
    if (answer === null) return send(404, NOT_FOUND);
    return send(answer.status, answer.body);
  } catch (error) {
    const { status, reason } = problemOf(error);
    return send(status, status === 404 ? NOT_FOUND : { error: 'bad_request', reason });
  } finally {
    for (const port of ports) port.close();
    for (const client of opened) client.release();
  }
}

function listenersOf({ host = HOST_DEFAULT, amqp }: ManagementServerOptions, port: number): Listener[] {
  const listener = (protocol: Listener['protocol'], at: number): Listener => ({
    protocol,
    ip_address: host,
    port: at,
  });
  return [
    ...(amqp === undefined ? [] : [listener('amqp', amqp.port)]),
    ...(amqp === undefined || amqp.tlsPort === null ? [] : [listener('amqp/ssl', amqp.tlsPort)]),
    listener('http', port),
  ];
}

function problemOf(error: unknown): { status: number; reason: string } {
  if (error instanceof Refused) return { status: STATUS[error.reply] ?? 400, reason: error.message };
  if (error instanceof SyntaxError || error instanceof URIError)
    return { status: 400, reason: error.message };
  const { code, message } = asPosthornError(error);
  const status = code.endsWith('_not_found') ? 404 : (asPosthornError(error).status ?? 503);
  return { status, reason: `${message} (${code})` };
}

function loginOf(header = ''): { user: string; password: string } | null {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(header) ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

async function bodyOf(request: IncomingMessage): Promise<Fields> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new SyntaxError(`the body has more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  const json: unknown = JSON.parse(Buffer.concat(chunks).toString());
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new SyntaxError('not_json');
  return json as Fields;
}
