/** The contract of producer ids: what makes a produce that is sent again be stored once. */

import * as z from '../zod.ts';
import {
  PRODUCER_EPOCH_MAX,
  PRODUCER_ID_MAX,
  TRANSACTION_TIMEOUT_MS_DEFAULT,
  TRANSACTION_TIMEOUT_MS_MAX,
  TRANSACTION_TIMEOUT_MS_MIN,
} from '../limits.ts';
import { wideNameSchema } from './names.ts';
import { nextPage, pageFields } from './pages.ts';

/** Of the digits of PRODUCER_ID_MAX. */
const PRODUCER_ID_LENGTH_MAX = 16;

/** Of one instance of a producer. */
export const producerIdentity = {
  id: z.int().min(0).max(PRODUCER_ID_MAX),
  epoch: z.int().min(0).max(PRODUCER_EPOCH_MAX),
};

export const producerDeclarationSchema = z
  .strictObject({
    transactional_id: wideNameSchema
      .optional()
      .describe(
        'Makes it transactional: one instance of the id at a time, the last to ask; the others are fenced',
      ),
    transaction_timeout_ms: z
      .int()
      .min(TRANSACTION_TIMEOUT_MS_MIN)
      .max(TRANSACTION_TIMEOUT_MS_MAX)
      .optional()
      .describe(
        `With transactional_id: a transaction open for longer is aborted. Default ${TRANSACTION_TIMEOUT_MS_DEFAULT}`,
      ),
    producer: z
      .strictObject(producerIdentity)
      .optional()
      .describe(
        'With transactional_id: the instance that has this identity goes on with the next epoch, because it does not know what has arrived. Refused if another instance has taken its place',
      ),
  })
  .meta({
    dependentRequired: { transaction_timeout_ms: ['transactional_id'], producer: ['transactional_id'] },
  });

export const producerReplySchema = z.object({
  id: z.int().min(0).describe('Unique in the namespace, never given twice'),
  epoch: z.int().min(0),
});
export type ProducerReply = z.infer<typeof producerReplySchema>;

export const producersQuerySchema = z.strictObject({
  ...pageFields(PRODUCER_ID_LENGTH_MAX),
  after: z
    .string()
    .regex(/^\d{1,16}$/)
    .optional(),
});

export const producerListSchema = z.object({
  producers: z.array(
    z.object({
      id: z.int(),
      epoch: z.int(),
      last_sequence: z.int().nullable().describe('In this epoch; null: no record of it is here'),
      heard_at: z.int().describe('In ms'),
      transaction_start_offset: z.int().nullable().describe('Of the open transaction; null: none is open'),
    }),
  ),
  next: nextPage(),
});
export type ProducerList = z.infer<typeof producerListSchema>;

const sequence = () =>
  z
    .int()
    .min(0)
    .max(2 ** 31 - 1);

export const produceProducerSchema = z
  .strictObject({
    ...producerIdentity,
    sequence: sequence().describe(
      'Of the first record: how many this producer has sent to the partition in this epoch before',
    ),
    transactional_id: wideNameSchema.optional().describe('The records belong to its open transaction'),
  })
  .describe(
    'The broker stores the records once, however often they are sent. All must go to one partition, by key or by number',
  );
export type ProduceProducer = z.infer<typeof produceProducerSchema>;

export const publishProducerSchema = z
  .strictObject({
    ...producerIdentity,
    sequence: sequence().describe(
      'Of the first message: how many this producer has published to the queue in this epoch before, without requests that were refused with queue_full',
    ),
  })
  .describe(
    'Stores the messages once, however often the request is sent; a repetition gets the answer of the first',
  );
export const exchangeProducerSchema = z
  .strictObject({
    ...producerIdentity,
    sequence: sequence().describe(
      'Of the first message: how many this producer has published to the exchange in this epoch before. At 2^31 go on with the next epoch at 0',
    ),
  })
  .describe(
    'Each destination stores each message once, however often the request is sent; a repetition completes what was missing. A producer sends one request at a time to an exchange, and repeats it until it is complete, or continues with the next epoch at 0',
  );

export type PublishProducerFields = z.infer<typeof publishProducerSchema>;
