/** Options of the gateway: what its command line may say, and what that means. */

import { parseArgs } from 'node:util';
import { isName, NAME_RULE } from '../protocol/name-rule.ts';

const USAGE = `npm run gateway -- [--url <address>] [--host <address>] [--amqp <port>] [--kafka <port>] ...

  --url                the broker, default http://127.0.0.1:8787
  --host               where to listen, default 127.0.0.1

  --amqp <port>        AMQP 0-9-1; 0 for any free port. Default 5672, without --kafka
  --amqps <port>       AMQP 0-9-1 with TLS as well
  --tls-cert <file>    its certificate, with its chain, in PEM
  --tls-key <file>     the key of the certificate, in PEM
  --management <port>  RabbitMQ's management API as well, as much as rabbitmqadmin uses: 15672 with RabbitMQ

  --kafka <port>                 Kafka's protocol; 0 for any free port
  --kafka-advertise <host:port>  what Kafka's clients are told to connect to, default the address that they have dialled
  --kafka-namespace <name>       the namespace of Kafka's clients that do not say another, default "default"
  --kafka-auto-create            makes topics that Kafka's clients ask for and that are not there

Clients log in with a token as their password. A broker without tokens on this machine takes guest with the password guest by AMQP, and
Kafka's clients without a login.`;

const AMQP_PORT_DEFAULT = '5672';

export interface TlsOptions {
  port: number;
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
  kafka: number | null;
  management: number | null;
  tls: TlsOptions | null;
  /** Of Kafka's clients. */
  namespace: string;
  autoCreate: boolean;
  advertised?: { host: string; port: number };
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
  'kafka-advertise': { type: 'string' },
  'kafka-namespace': { type: 'string', default: 'default' },
  'kafka-auto-create': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function optionsOf(values: Values): GatewayOptions {
  const amqp = values.amqp ?? (values.kafka === undefined ? AMQP_PORT_DEFAULT : undefined);
  const advertised = values['kafka-advertise'];
  return {
    url: values.url,
    host: values.host,
    amqp: portOf('amqp', amqp),
    kafka: portOf('kafka', values.kafka),
    management: portOf('management', values.management),
    tls: tlsOf(values, amqp !== undefined),
    namespace: namespaceOf('kafka-namespace', values['kafka-namespace']),
    autoCreate: values['kafka-auto-create'],
    ...(advertised !== undefined && { advertised: addressOf('kafka-advertise', advertised) }),
  };
}

function tlsOf(
  { amqps, 'tls-cert': cert, 'tls-key': key }: Values,
  isAmqpServed: boolean,
): TlsOptions | null {
  if ((amqps ?? cert ?? key) === undefined) return null;
  const port = portOf('amqps', amqps);
  if (port === null || cert === undefined || key === undefined || !isAmqpServed)
    throw new Error('--amqps goes with --tls-cert, --tls-key and --amqp');
  return { port, cert, key };
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

function addressOf(name: string, text: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) throw new Error(`--${name} ${text}: expected host:port`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
