/** Kafka server: listens for Kafka's clients and serves them from a broker. */

import type { Socket } from 'node:net';
import { listen, type DoorSettings, type Listening, type TlsFiles } from '../listeners.ts';
import { BrokerClients } from './broker/broker-client.ts';
import { KafkaSocket } from './kafka-socket.ts';
import type { Address } from './session.ts';
import { ShareMembers } from './share/share-members.ts';

export interface KafkaServerOptions {
  /** Of the broker. */
  url: string;
  /** 0: any free port. */
  port: number;
  /** A port with TLS as well; 0: any free port. */
  tls?: TlsFiles & { port: number; advertised?: Address };
  /** Default 127.0.0.1. */
  host?: string;
  /** Where a login does not say another. Default `default`. */
  namespace?: string;
  /** What clients are told to connect to. Default: the address that they have dialled. */
  advertised?: Address;
  /** Makes topics that clients ask for and that are not there, as Kafka does by default. Default false. */
  autoCreate?: boolean;
  /** Of a topic that is made and does not say how many. Default 1, as with Kafka. */
  partitions?: number;
  /** Connections at most; others are closed at once. Default 10,000. */
  connectionsMax?: number;
  /** The time for the login and the first request that it is for, in ms. Default one minute. */
  loginMs?: number;
  /** Told of faults of ours. Default: standard error. */
  onError?: (error: unknown) => void;
}

const CONNECTIONS_MAX = 10_000;

/** Whoever has not logged in keeps a connection from others for so long. */
const LOGIN_MS = 60_000;

/** A TLS handshake has this long, in ms. */
const HANDSHAKE_MS = 10_000;

export class KafkaServer {
  readonly port: number;
  /** Null: TLS is not served. */
  readonly tlsPort: number | null;
  readonly #listening: Listening;
  readonly #sockets: Set<KafkaSocket>;

  private constructor(listening: Listening, sockets: Set<KafkaSocket>) {
    const [port, tlsPort = null] = listening.ports;
    this.port = port!;
    this.tlsPort = tlsPort;
    this.#listening = listening;
    this.#sockets = sockets;
  }

  /** Rejects if a port is taken. */
  static async start(options: KafkaServerOptions): Promise<KafkaServer> {
    const { url, port, tls, host = '127.0.0.1', namespace = 'default' } = options;
    const onError =
      options.onError ?? ((error: unknown) => console.error('posthorn gateway: a fault of ours:', error));
    const {
      advertised = null,
      autoCreate = false,
      partitions = 1,
      connectionsMax = CONNECTIONS_MAX,
      loginMs = LOGIN_MS,
    } = options;
    const sockets = new Set<KafkaSocket>();
    const settings = {
      url,
      clients: new BrokerClients(url),
      namespace,
      autoCreate,
      partitions,
      loginMs,
      shareMembers: new ShareMembers(),
      shareSessions: new Map(),
      onError,
    };
    const doorOf = (address: Address | null): DoorSettings => ({
      connectionsMax,
      handshakeMs: HANDSHAKE_MS,
      onSocket: (socket: Socket) => {
        const one = new KafkaSocket(socket, { ...settings, advertised: address });
        sockets.add(one);
        socket.on('close', () => sockets.delete(one));
      },
    });
    const plain = [{ host, port }, doorOf(advertised)] as const;
    const secure = tls && ([{ host, port: tls.port, tls }, doorOf(tls.advertised ?? null)] as const);
    const listening = await listen(secure === undefined ? [plain] : [plain, secure]);
    return new KafkaServer(listening, sockets);
  }

  /** Closes all connections: their clients go on with what has no answer yet when they have connected again. */
  async stop(): Promise<void> {
    const closed = this.#listening.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
