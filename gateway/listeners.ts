/** Listeners: the doors of a server. On loopback it listens by IPv4 and IPv6, since `localhost` means either. */

import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

export interface TlsFiles {
  /** PEM, with the chain. */
  cert: string | Buffer;
  key: string | Buffer;
}

export interface Door {
  host: string;
  /** 0: any free port. */
  port: number;
  tls?: TlsFiles;
}

export interface DoorSettings {
  connectionsMax: number;
  /** The time for a TLS handshake, in ms. */
  handshakeMs: number;
  onSocket: (socket: Socket) => void;
}

const LOOPBACK = '127.0.0.1';
const LOOPBACK_6 = '::1';

export interface Listening {
  /** Of the doors, in their order. */
  readonly ports: readonly number[];
  /** Takes no more connections. Resolves when those that there are have gone. */
  close(): Promise<void>;
}

/** Rejects if a port is taken or a certificate is not good; then it listens nowhere. */
export async function listen(doors: readonly (readonly [Door, DoorSettings])[]): Promise<Listening> {
  const servers: Server[] = [];
  const ports: number[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  };
  try {
    for (const [door, settings] of doors) ports.push(await open(door, settings, servers));
    return { ports, close };
  } catch (error) {
    void close();
    throw error;
  }
}

/** @returns the port */
async function open(door: Door, settings: DoorSettings, servers: Server[]): Promise<number> {
  const first = await listenOn(door, settings);
  servers.push(first);
  const { port } = first.address() as AddressInfo;
  if (door.host !== LOOPBACK) return port;
  // A machine may have no IPv6, or another program on that port of it.
  const second = await listenOn({ ...door, host: LOOPBACK_6, port }, settings).catch(() => null);
  if (second !== null) servers.push(second);
  return port;
}

async function listenOn({ host, port, tls }: Door, settings: DoorSettings): Promise<Server> {
  const { connectionsMax, handshakeMs, onSocket } = settings;
  const server =
    tls === undefined
      ? createServer(onSocket)
      : createTlsServer({ ...tls, handshakeTimeout: handshakeMs }, onSocket);
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      server.on('error', () => {}); // a connection that could not be taken
      resolve();
    });
  });
  return server;
}
