/** Options of the gateway: what its command line may say, and what that means. */

import { parseArgs } from 'node:util';
import { PARTITIONS_MAX } from '../protocol/limits.ts';
import { isName, NAME_RULE } from '../protocol/names/name-rule.ts';

const USAGE = `npm run gateway -- [--url <address>] [--host <address>] [--amqp <port>] [--kafka <port>] ...

  --url                the broker, default http://127.0.0.1:8787
  --host               where to listen, default 127.0.0.1

  --amqp <port>        AMQP 0-9-1; 0 for any free port. Default 5672, without --kafka
  --amqps <port>       AMQP 0-9-1 with TLS as well
  --tls-cert <file>    the certificate for TLS, with its chain, in PEM
  --tls-key <file>     the key of the certificate, in PEM
  --management <port>  RabbitMQ's management API as well, as much as rabbitmqadmin uses: 15672 with RabbitMQ

  --kafka <port>                 Kafka's protocol; 0 for any free port
  --kafkas <port>                Kafka's protocol with TLS as well
  --kafka-advertise <host:port>  what Kafka's clients are told to connect to, default the address that they have dialled
  --kafkas-advertise <host:port> the same for those that have come with TLS
  --kafka-namespace <name>       the namespace of Kafka's clients that do not say another, default "default"
  --kafka-partitions <count>     partitions of a topic that is made and does not say how many (Kafka's num.partitions), default 1
  --kafka-auto-create            makes topics that Kafka's clients ask for and that are not there

Clients log in with a token as their password. A broker without tokens on this machine takes guest with the password guest by AMQP, and
Kafka's clients without a login.`;

const AMQP_PORT_DEFAULT = '5672';

export interface TlsOptions {
  /** Paths. */
  cert: string;
  key: string;
}

export interface GatewayOptions {
  /** Of the broker. */
  url: string;
  host: string;
  /** The ports; null: not served. */
  amqp: number | null;
  amqps: number | null;
  kafka: number | null;
  kafkas: number | null;
  management: number | null;
  /** Null: no port is served with TLS. */
  tls: TlsOptions | null;
  /** Of Kafka's clients. */
  namespace: string;
  autoCreate: boolean;
  partitions: number;
  advertised?: Address;
  tlsAdvertised?: Address;
}

interface Address {
  host: string;
  port: number;
}

/** `text` is to be shown, and is no fault if somebody asked for it. */
export interface Said {
  text: string;
  isFault: boolean;
}

/** What the words say, or what is to be said instead. */
export function readOptions(words: readonly string[]): GatewayOptions | Said {
  try {
    const { values } = parseArgs({ args: [...words], options: OPTIONS });
    return values.help ? { text: USAGE, isFault: false } : optionsOf(values);
  } catch (error) {
    return { text: `${(error as Error).message}\n\n${USAGE}`, isFault: true };
  }
}

const OPTIONS = {
  url: { type: 'string', default: 'http://127.0.0.1:8787' },
  host: { type: 'string', default: '127.0.0.1' },
  amqp: { type: 'string' },
  amqps: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  management: { type: 'string' },
  kafka: { type: 'string' },
  kafkas: { type: 'string' },
  'kafka-advertise': { type: 'string' },
  'kafkas-advertise': { type: 'string' },
  'kafka-namespace': { type: 'string', default: 'default' },
  'kafka-partitions': { type: 'string', default: '1' },
  'kafka-auto-create': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function optionsOf(values: Values): GatewayOptions {
  const amqp = values.amqp ?? (values.kafka === undefined ? AMQP_PORT_DEFAULT : undefined);
  const advertised = values['kafka-advertise'];
  const tlsAdvertised = values['kafkas-advertise'];
  return {
    url: values.url,
    host: values.host,
    amqp: portOf('amqp', amqp),
    amqps: portOf('amqps', values.amqps),
    kafka: portOf('kafka', values.kafka),
    kafkas: portOf('kafkas', values.kafkas),
    management: portOf('management', values.management),
    tls: tlsOf(values, amqp !== undefined),
    namespace: namespaceOf('kafka-namespace', values['kafka-namespace']),
    autoCreate: values['kafka-auto-create'],
    partitions: partitionsOf('kafka-partitions', values['kafka-partitions']),
    ...(advertised !== undefined && { advertised: addressOf('kafka-advertise', advertised) }),
    ...(tlsAdvertised !== undefined && { tlsAdvertised: addressOf('kafkas-advertise', tlsAdvertised) }),
  };
}

function tlsOf(
  { amqps, kafka, kafkas, 'tls-cert': cert, 'tls-key': key }: Values,
  isAmqpServed: boolean,
): TlsOptions | null {
  if ((amqps ?? kafkas ?? cert ?? key) === undefined) return null;
  const isFitting =
    (amqps ?? kafkas) !== undefined &&
    (amqps === undefined || isAmqpServed) &&
    (kafkas === undefined || kafka !== undefined);
  if (cert !== undefined && key !== undefined && isFitting) return { cert, key };
  const withFiles = 'goes with --tls-cert, --tls-key and';
  throw new Error(`--amqps ${withFiles} --amqp, and --kafkas ${withFiles} --kafka`);
}

function portOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new Error(`--${name} ${text} is no port`);
}

function namespaceOf(name: string, text: string): string {
  if (isName(text)) return text;
  throw new Error(`--${name} ${text}: expected ${NAME_RULE}`);
}

function partitionsOf(name: string, text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= PARTITIONS_MAX) return count;
  throw new Error(`--${name} ${text}: expected 1 to ${PARTITIONS_MAX}`);
}

function addressOf(name: string, text: string): Address {
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) throw new Error(`--${name} ${text}: expected host:port`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
