/** `npm run gateway`: lets clients of AMQP and Kafka talk to a broker, here or deployed. */

import { readFile } from 'node:fs/promises';
import { AmqpServer } from './amqp/connection/amqp-server.ts';
import { KafkaServer } from './kafka/kafka-server.ts';
import { ManagementServer } from './management/management-server.ts';
import type { TlsFiles } from './listeners.ts';
import { readOptions, type GatewayOptions, type TlsOptions } from './options.ts';

const STOP_MS_MAX = 8_000;

interface Server {
  stop(): Promise<void>;
}

/** A server that is asked for. */
interface Door {
  name: string;
  port: number;
  /** Opens it, and says where it listens. */
  open: () => Promise<{ server: Server; said: string }>;
}

await main();

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if ('text' in options) return options.isFault ? fail(options.text) : console.log(options.text);
  const servers: Server[] = [];
  for (const { name, port, open } of doorsOf(options)) {
    try {
      const { server, said } = await open();
      servers.push(server);
      console.log(said);
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()));
      const { code, message } = error as NodeJS.ErrnoException;
      return fail(code === 'EADDRINUSE' ? `port ${port} for ${name} is taken` : message);
    }
  }
  stopWhenTold(servers);
}

function doorsOf(options: GatewayOptions): Door[] {
  const { url, host, amqp, amqps, kafka, kafkas, management, tls, ...ofKafka } = options;
  const doors: Door[] = [];
  let amqpServer: AmqpServer | undefined;
  if (amqp !== null) {
    doors.push({
      name: 'AMQP',
      port: amqp,
      open: async () => {
        const files = await tlsFiles(tls, amqps);
        const server = await AmqpServer.start({ url, host, port: amqp, ...(files && { tls: files }) });
        amqpServer = server;
        const withTls = server.tlsPort === null ? '' : `\nAMQP 0-9-1 with TLS on ${host}:${server.tlsPort}`;
        return { server, said: `AMQP 0-9-1 on ${host}:${server.port}, for ${url}${withTls}` };
      },
    });
  }
  if (kafka !== null) {
    doors.push({
      name: 'Kafka',
      port: kafka,
      open: async () => {
        const files = await tlsFiles(tls, kafkas);
        const { tlsAdvertised: advertised, ...plain } = ofKafka;
        const secure = files && { ...files, ...(advertised && { advertised }) };
        const server = await KafkaServer.start({
          url,
          host,
          port: kafka,
          ...plain,
          ...(secure && { tls: secure }),
        });
        const withTls = server.tlsPort === null ? '' : `\nKafka with TLS on ${host}:${server.tlsPort}`;
        return { server, said: `Kafka on ${host}:${server.port}, for ${url}${withTls}` };
      },
    });
  }
  if (management !== null) {
    doors.push({
      name: 'the management API',
      port: management,
      open: async () => {
        const server = await ManagementServer.start({
          url,
          host,
          port: management,
          ...(amqpServer && { amqp: amqpServer }),
        });
        return { server, said: `management API on ${host}:${server.port}` };
      },
    });
  }
  return doors;
}

/** Null if nothing is served with TLS on the port. */
async function tlsFiles(
  tls: TlsOptions | null,
  port: number | null,
): Promise<(TlsFiles & { port: number }) | null> {
  if (tls === null || port === null) return null;
  return { port, cert: await readFile(tls.cert), key: await readFile(tls.key) };
}

function stopWhenTold(servers: readonly Server[]): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
    void Promise.all(servers.map((server) => server.stop())).then(() => process.exit(0));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  // A parent that is gone, however it went, takes this process with it.
  if (process.connected) process.on('disconnect', stop);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
