/** AMQP server: listens for AMQP connections and serves them from a broker. */

import type { Socket } from 'node:net';
import type { AmqpSession, OpenConnection } from './amqp-session.ts';
import { BrokerClients } from './broker-clients.ts';
import { ExclusiveQueues } from '../queues/exclusive-queues.ts';
import { listen, type Door, type Listening, type TlsFiles } from '../../listeners.ts';
import { QueueConsumers } from '../queues/queue-consumers.ts';
import { QueueEndings } from '../queues/queue-endings.ts';
import { sessionOver } from './tcp-duplex.ts';

export interface AmqpServerOptions {
  /** Of the broker. */
  url: string;
  /** 0: any free port. */
  port: number;
  /** TLS as well, on a port of its own. */
  tls?: TlsFiles & { port: number };
  /** Default 127.0.0.1, and ::1 with it. */
  host?: string;
  /** The time for the login, in ms. Default 10,000. */
  loginMs?: number;
  /** Connections at most; others are closed at once. Default 10,000. */
  connectionsMax?: number;
  /** Told of faults of ours. Default: standard error. */
  onError?: (error: unknown) => void;
}

const LOGIN_MS = 10_000;
const CONNECTIONS_MAX = 10_000;

/** RabbitMQ's default. What is too large for a message goes to the bucket. */
const BODY_BYTES_MAX = 128 * 1024 * 1024;

/** How long a stop waits for clients that do not agree to it, in ms. */
const STOP_MS = 3_000;

export class AmqpServer {
  /** Of connections without TLS. */
  readonly port: number;
  /** Of connections with TLS; null if there is no certificate. */
  readonly tlsPort: number | null;
  readonly #listening: Listening;
  readonly #sessions: Set<AmqpSession>;
  readonly #clients: BrokerClients;
  readonly #endings: QueueEndings;

  private constructor(
    listening: Listening,
    sessions: Set<AmqpSession>,
    clients: BrokerClients,
    endings: QueueEndings,
  ) {
    const [port, tlsPort = null] = listening.ports;
    this.port = port!;
    this.tlsPort = tlsPort;
    this.#listening = listening;
    this.#sessions = sessions;
    this.#clients = clients;
    this.#endings = endings;
  }

  /** Rejects if a port is taken, or the certificate is not good. */
  static async start(options: AmqpServerOptions): Promise<AmqpServer> {
    const { url, port, tls, host = '127.0.0.1', loginMs = LOGIN_MS } = options;
    const onError =
      options.onError ?? ((error: unknown) => console.error('posthorn gateway: a fault of ours:', error));
    const sessions = new Set<AmqpSession>();
    const broker = { url };
    const clients = new BrokerClients(broker);
    const exclusive = new ExclusiveQueues();
    const consumers = new QueueConsumers();
    const endings = new QueueEndings();
    const common = { broker, clients, exclusive, consumers, endings, loginMs, bodyBytesMax: BODY_BYTES_MAX };
    const settings = {
      connectionsMax: options.connectionsMax ?? CONNECTIONS_MAX,
      handshakeMs: loginMs,
      onSocket: (socket: Socket): void => {
        const one = sessionOver(socket, { ...common, onError });
        sessions.add(one);
        socket.on('close', () => sessions.delete(one));
      },
    };
    const doors: Door[] = [{ host, port }, ...(tls === undefined ? [] : [{ host, port: tls.port, tls }])];
    const listening = await listen(doors.map((door) => [door, settings]));
    return new AmqpServer(listening, sessions, clients, endings);
  }

  /** Those that have opened a virtual host. */
  connections(): OpenConnection[] {
    return [...this.#sessions].map((session) => session.describe()).filter((one) => one !== null);
  }

  /** Tells all clients, waits until they have gone or a few seconds have, and sends what they have published. */
  async stop(): Promise<void> {
    const closed = this.#listening.close();
    for (const session of this.#sessions) session.stop();
    const timer = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, STOP_MS);
    await closed;
    clearTimeout(timer);
    await this.#clients.flush();
    await this.#endings.all();
  }
}
