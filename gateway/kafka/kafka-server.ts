/** Kafka server: listens for Kafka's clients and serves them from a broker. */

import { createServer, type AddressInfo, type Server } from 'node:net';
import { BrokerClients } from './broker/broker-client.ts';
import { KafkaSocket } from './kafka-socket.ts';
import type { Address } from './session.ts';

export interface KafkaServerOptions {
  /** Of the broker. */
  url: string;
  /** 0: any free port. */
  port: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Where a login does not say another. Default `default`. */
  namespace?: string;
  /** What clients are told to connect to. Default: the address that they have dialled. */
  advertised?: Address;
  /** Makes topics that clients ask for and that are not there, as Kafka does by default. Default false. */
  autoCreate?: boolean;
  /** Connections at most; others are closed at once. Default 10,000. */
  connectionsMax?: number;
  /** Told of faults of ours. Default: standard error. */
  onError?: (error: unknown) => void;
}

const CONNECTIONS_MAX = 10_000;

export class KafkaServer {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<KafkaSocket>;

  private constructor(server: Server, sockets: Set<KafkaSocket>) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** Rejects if the port is taken. */
  static async start(options: KafkaServerOptions): Promise<KafkaServer> {
    const {
      url,
      port,
      host = '127.0.0.1',
      namespace = 'default',
      connectionsMax = CONNECTIONS_MAX,
    } = options;
    const onError =
      options.onError ?? ((error: unknown) => console.error('posthorn gateway: a fault of ours:', error));
    const { advertised = null, autoCreate = false } = options;
    const sockets = new Set<KafkaSocket>();
    const settings = { url, clients: new BrokerClients(url), namespace, advertised, autoCreate, onError };
    const server = createServer((socket) => {
      const one = new KafkaSocket(socket, settings);
      sockets.add(one);
      socket.on('close', () => sockets.delete(one));
    });
    server.maxConnections = connectionsMax;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return new KafkaServer(server, sockets);
  }

  /** Closes all connections: their clients go on with what has no answer yet when they have connected again. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
