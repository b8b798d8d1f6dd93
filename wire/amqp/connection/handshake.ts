/** Handshake: what a server says of itself, and which limits it agrees to. */

import { booleanField, fieldOf, textField, textOfField, type FieldTable } from '../codec/field-table.ts';
import { FRAME_MIN_SIZE } from '../codec/frames.ts';
import type { MethodFields } from '../codec/methods.ts';
import { amqpError, type AmqpError } from '../reply-codes.ts';
import { METHODS } from '../codec/methods.ts';

/** RabbitMQ's defaults. */
export const FRAME_MAX = 131_072;
export const CHANNEL_MAX = 2_047;
export const HEARTBEAT_S = 60;

export interface Limits {
  frameMax: number;
  channelMax: number;
  /** 0: none. */
  heartbeatS: number;
}

export const serverProperties = (version: string): FieldTable => [
  [
    'capabilities',
    {
      type: 'F',
      value: [
        ['publisher_confirms', booleanField(true)],
        ['exchange_exchange_bindings', booleanField(true)],
        ['basic.nack', booleanField(true)],
        ['consumer_cancel_notify', booleanField(true)],
        ['connection.blocked', booleanField(true)],
        ['per_consumer_qos', booleanField(true)],
        ['authentication_failure_close', booleanField(true)],
      ],
    },
  ],
  ['product', textField('Posthorn')],
  ['version', textField(version)],
  ['platform', textField('JavaScript')],
  ['information', textField('AMQP 0-9-1 of Posthorn; see docs/guides/from-rabbitmq.md')],
];

/** Agrees to the limits of a client. 0 stands for no limit of its own. */
export function agreedLimits(tune: MethodFields<'connection.tune-ok'>): Limits | AmqpError {
  const { frameMax, channelMax, heartbeat } = tune;
  const refused = (reason: string): AmqpError =>
    amqpError('not-allowed', reason, METHODS['connection.tune-ok']);
  if (frameMax > FRAME_MAX) return refused(`frame_max=${frameMax} is above the maximum ${FRAME_MAX}`);
  if (frameMax !== 0 && frameMax < FRAME_MIN_SIZE) {
    return refused(`frame_max=${frameMax} is below the minimum ${FRAME_MIN_SIZE}`);
  }
  if (channelMax > CHANNEL_MAX) {
    return refused(`channel_max=${channelMax} is above the maximum ${CHANNEL_MAX}`);
  }
  return {
    frameMax: frameMax || FRAME_MAX,
    channelMax: channelMax || CHANNEL_MAX,
    heartbeatS: heartbeat,
  };
}

/** What a client has said that it can do. */
export interface ClientAbilities {
  takesCancels: boolean;
  takesLoginFailure: boolean;
  takesBlocks: boolean;
  sharesPrefetch: boolean;
  /** What it says of itself. */
  texts: ClientTexts;
}

/** Clients that read the specification to the letter unless the server is RabbitMQ: Celery's. */
const SHARES_PREFETCH = new Set(['py-amqp', 'librabbitmq']);

export function abilitiesOf(clientProperties: FieldTable): ClientAbilities {
  const capabilities = fieldOf(clientProperties, 'capabilities');
  const can = (name: string): boolean => {
    const field = capabilities?.type === 'F' ? fieldOf(capabilities.value, name) : undefined;
    return field?.type === 't' && field.value;
  };
  return {
    takesCancels: can('consumer_cancel_notify'),
    takesLoginFailure: can('authentication_failure_close'),
    takesBlocks: can('connection.blocked'),
    texts: clientTextsOf(clientProperties),
    sharesPrefetch: SHARES_PREFETCH.has(textOfField(fieldOf(clientProperties, 'product')) ?? ''),
  };
}

/** Texts that monitoring shows. */
const SHOWN = ['connection_name', 'product', 'version', 'platform'] as const;
const SHOWN_LENGTH_MAX = 255;

type ClientTexts = Partial<Record<(typeof SHOWN)[number], string>>;

function clientTextsOf(clientProperties: FieldTable): ClientTexts {
  const texts: ClientTexts = {};
  for (const name of SHOWN) {
    const text = textOfField(fieldOf(clientProperties, name));
    if (text !== undefined) texts[name] = text.slice(0, SHOWN_LENGTH_MAX);
  }
  return texts;
}
