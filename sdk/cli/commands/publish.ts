/** `posthorn publish`: a message to a queue, from an argument, or one for each line of standard input. */

import type { Command, Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import { HEADER_FLAG, headersOf } from '../input/header-flags.ts';
import { sendLines } from '../input/line-sender.ts';
import { readAll } from '../input/read-all.ts';
import type { JsonValue } from '../../../protocol/json/json-text.ts';
import type { MessageProperties, OutgoingMessage } from '../../values/message-input.ts';
import { LINE_FLAGS, tellSent } from './produce.ts';

/** Properties that are flags, by their name there. */
const PROPERTIES = {
  priority: { property: 'priority', kind: 'number', about: '0 to 31; higher priorities are delivered first' },
  'delay-ms': { property: 'delayMs', kind: 'number', about: 'Deliver it this long after now, in ms' },
  'deliver-at': { property: 'deliverAt', kind: 'number', about: 'Deliver it at this time, in ms since 1970' },
  'expiration-ms': {
    property: 'expirationMs',
    kind: 'number',
    about: 'It expires this long after now, in ms',
  },
  'message-id': { property: 'messageId', kind: 'text', about: 'The id that deduplication uses' },
  'correlation-id': { property: 'correlationId', kind: 'text', about: 'For the reply to it' },
  'reply-to': { property: 'replyTo', kind: 'text', about: 'The queue for the reply' },
  'ordering-key': {
    property: 'orderingKey',
    kind: 'text',
    about: 'Messages of one key are delivered one at a time, in order',
  },
  'content-type': { property: 'contentType', kind: 'text', about: 'The type of the body' },
  type: { property: 'type', kind: 'text', about: 'What it is, to the application' },
} as const;

export const publishCommand: Command = {
  words: ['publish'],
  about: 'Publish a message to a queue, or one for each line of standard input',
  load: () => ({
    args: [
      { name: 'QUEUE', about: 'The queue' },
      {
        name: 'BODY',
        about: 'JSON, or else a text; `-` reads all of standard input as one body',
        isOptional: true,
      },
    ],
    flags: [
      { name: 'text', kind: 'boolean', about: 'BODY is a text, also if it could be JSON' },
      ...Object.entries(PROPERTIES).map(([name, { kind, about }]) => ({ name, kind, about, min: 0 })),
      HEADER_FLAG,
      ...LINE_FLAGS,
    ],
    notes: [
      'Without BODY each line is a message: a text, or with --json a JSON value.',
      'To publish through an exchange: posthorn exchanges publish EXCHANGE --messages JSON',
    ],
    run: publish,
  }),
};

async function publish(context: Context): Promise<Outcome> {
  const { args, flag, io, printer } = context;
  const queue = args.get('QUEUE')!;
  const { posthorn } = context.connect();
  const headers = headersOf(flag('header'));
  const properties = propertiesOf(context);
  const isLines = args.get('BODY') === undefined;
  // One message waits for nobody, and a queue that does not exist is told at once.
  const publisher = posthorn.publisher(
    isLines ? {} : { lingerMs: 0, signal: io.signal, deliveryTimeoutMs: 10_000 },
  );
  const message = (body: OutgoingMessage['body']): OutgoingMessage => ({
    body,
    properties,
    ...(headers && { headers }),
  });
  if (!isLines) {
    const { body, isText } = { body: args.get('BODY')!, isText: flag('text') === true };
    const text = body === '-' ? await readAll(io.stdin) : body;
    await publisher.sendToQueue(queue, message(isText ? text : jsonOrString(text)));
    await publisher.close();
    await printer.result({ queue, stored: 1 }, `1 message is stored in ${queue}`);
    return 'done';
  }
  await posthorn.queues.get(queue, { signal: io.signal });
  if (io.stdin.isTTY) await printer.hint('Each line becomes a message. Ctrl-D ends.');
  const sent = await sendLines(
    context,
    {
      send: (records) =>
        Promise.all(records.map(({ value }) => publisher.sendToQueue(queue, message(value)))),
      ready: () => publisher.ready(),
    },
    {
      format: printer.isJson ? 'json' : 'text',
      isSkippingBroken: flag('skip-broken') === true,
      fromLine: flag<number>('from-line') ?? 1,
    },
  );
  await publisher.close();
  return await tellSent(context, { queue, ...sent });
}

function propertiesOf({ flag }: Context): MessageProperties {
  return Object.fromEntries(
    Object.entries(PROPERTIES).map(([name, { property }]) => [property, flag(name)] as const),
  ) as MessageProperties;
}

/** As it is written if it is JSON, so that numbers keep their digits. */
function jsonOrString(text: string): JsonValue | Uint8Array {
  try {
    JSON.parse(text);
    return Buffer.from(text);
  } catch {
    return text;
  }
}
