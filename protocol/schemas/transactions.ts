/** The contract of transactions. */

import * as z from '../zod.ts';
import { commitFields, isOneClaim, ONE_CLAIM, ONE_CLAIM_RULE } from './groups.ts';
import { exchangeMessageSchema } from './exchanges.ts';
import { TRANSACTION_MESSAGES_MAX, TRANSACTION_PARTITIONS_MAX } from '../limits.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { nextPage } from './pages.ts';
import { producerIdentity } from './producers.ts';
import { oneOf } from './schema-rules.ts';

const ONE_TARGET = 'expected either exchange or queue';

export const transactionEndSchema = z.strictObject({
  producer: z.strictObject(producerIdentity).describe('As the last reply gave it'),
  keep_epoch: z
    .boolean()
    .default(false)
    .describe(
      'The next transaction has the same epoch, and sequences go on. A producer that does not know whether a record of it has arrived needs the next epoch: POST /producers with `producer`. Not kept if the transaction has messages',
    ),
});

export const transactionPartitionsSchema = z.strictObject({
  producer: z.strictObject(producerIdentity).describe('The producer of the transaction'),
  partitions: z
    .array(z.strictObject({ topic: nameSchema, partition: z.int().min(0) }))
    .max(TRANSACTION_PARTITIONS_MAX)
    .describe('May be empty: then it only opens the transaction'),
});

export const transactionPartitionsReplySchema = z.object({
  number: z.int().min(1).describe('Of the transaction in its epoch'),
});
export type TransactionPartitionsReply = z.infer<typeof transactionPartitionsReplySchema>;

export const transactionOffsetsSchema = z
  .strictObject({
    producer: z.strictObject(producerIdentity).describe('The producer of the transaction'),
    group: wideNameSchema,
    ...commitFields,
    is_unclaimed: z
      .boolean()
      .default(false)
      .describe(
        'Without a member: also if the group is a classic one and has members. Only the transactional id fences then',
      ),
  })
  .refine(isOneClaim, ONE_CLAIM)
  .meta(ONE_CLAIM_RULE);
export type TransactionOffsetsRequest = z.input<typeof transactionOffsetsSchema>;

const messageTarget = {
  exchange: wideNameSchema.optional().describe('To publish through; `default` is the default exchange'),
  queue: wideNameSchema.optional().describe('Or the queue to publish to'),
};

const sequence = {
  sequence: z
    .int()
    .min(0)
    .max(TRANSACTION_MESSAGES_MAX)
    .describe('How many messages of the transaction came before: a repetition is known by it'),
};

export const transactionMessagesSchema = z
  .strictObject({
    producer: z.strictObject(producerIdentity).describe('The producer of the transaction'),
    ...sequence,
    ...messageTarget,
    messages: z.array(exchangeMessageSchema).min(1).describe('As a publish takes them'),
  })
  .refine(({ exchange, queue }) => (exchange === undefined) !== (queue === undefined), ONE_TARGET)
  .meta(oneOf('exchange', 'queue'));

export const transactionMessagesReplySchema = z.object({
  count: z.int().describe('Messages that are held until the transaction is committed'),
  unroutable: z.array(z.int()).describe('Indexes, from 0, of mandatory messages that no binding took'),
});
export type TransactionMessagesReply = z.infer<typeof transactionMessagesReplySchema>;

export const transactionEndReplySchema = z.object({
  producer: z
    .object({ id: z.int().min(0), epoch: z.int().min(0) })
    .describe(
      'For the next transaction, whose sequences begin at 0. Ask for a new one when the epoch is 32767',
    ),
  state: z
    .enum(['empty', 'committing', 'aborting'])
    .describe('empty: every partition has it. Otherwise it is decided and on its way'),
});
export type TransactionEndReply = z.infer<typeof transactionEndReplySchema>;

export const transactionListSchema = z.object({
  transactions: z.array(z.object({ transactional_id: wideNameSchema })),
  next: nextPage(),
});
export type TransactionList = z.infer<typeof transactionListSchema>;

export const transactionStateSchema = z.object({
  transactional_id: wideNameSchema,
  producer: z.object({ id: z.int().min(0), epoch: z.int().min(0) }),
  state: z.enum(['empty', 'open', 'committing', 'aborting']),
  started_at: z.int().nullable().describe('When its first partition was added, in ms; null if none is open'),
  transaction_timeout_ms: z.int(),
  partitions: z
    .array(
      z.object({
        topic: nameSchema,
        partition: z.int().min(0),
        group: wideNameSchema.optional().describe('Of this group an offset was added, no records'),
      }),
    )
    .describe('Partitions of the open transaction, or that have not been told of its end yet'),
  last: z
    .object({
      outcome: z.enum(['commit', 'abort']),
      reason: z.enum(['asked', 'timeout', 'superseded']).describe('superseded: another instance began'),
    })
    .nullable()
    .describe('How the transaction of the epoch before ended'),
  meter: z.object({
    rows_written: z.int().min(0).describe('By the coordinator since it woke, alarms included'),
  }),
});
export type TransactionState = z.infer<typeof transactionStateSchema>;
