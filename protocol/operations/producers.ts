/** The calls on producers and transactions. */

import { producerDeclarationSchema, producerReplySchema } from '../schemas/producers.ts';
import { committedSchema } from '../schemas/groups.ts';
import {
  transactionEndReplySchema,
  transactionEndSchema,
  transactionMessagesReplySchema,
  transactionMessagesSchema,
  transactionOffsetsSchema,
  transactionStateSchema,
} from '../schemas/transactions.ts';
import { onSome, onTransactionalId } from './access-rule.ts';
import { BODY_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const TRANSACTION = `${NAMESPACE_PATH}/transactions/{transactional_id}`;

const END_ERRORS = [
  ...NAMESPACE_ERRORS,
  ...BODY_ERRORS,
  'transaction_not_found',
  'producer_fenced',
  'transaction_aborted',
  'transaction_committed',
  'transaction_unavailable',
] as const;

export const producerOperations = {
  makeProducer: {
    id: 'makeProducer',
    method: 'post',
    path: `${NAMESPACE_PATH}/producers`,
    tag: 'producers',
    access: onSome('write', '`write` on the transactional id, if the request names one'),
    summary:
      'Get a producer id. With a transactional id: get its next epoch, and abort the transaction that an earlier instance left open',
    body: { json: producerDeclarationSchema },
    replies: { 200: { description: 'The identity to produce with', json: producerReplySchema } },
    errors: [...NAMESPACE_ERRORS, ...BODY_ERRORS, 'transaction_in_progress', 'transaction_unavailable'],
  },
  getTransaction: {
    id: 'getTransaction',
    method: 'get',
    path: TRANSACTION,
    tag: 'producers',
    access: onTransactionalId('view'),
    summary: 'Read the state of a transactional id',
    replies: { 200: { description: 'The state', json: transactionStateSchema } },
    errors: [...NAMESPACE_ERRORS, 'transaction_not_found', 'transaction_unavailable'],
  },
  addOffsets: {
    id: 'addOffsets',
    method: 'post',
    path: `${TRANSACTION}/offsets`,
    tag: 'producers',
    access: onTransactionalId('write', '`read` on the group and on the topics'),
    summary: 'Commit offsets of a group within the transaction: they take effect if it is committed',
    body: { json: transactionOffsetsSchema },
    replies: { 200: { description: 'All offsets are part of the transaction', json: committedSchema } },
    errors: [
      ...NAMESPACE_ERRORS,
      ...BODY_ERRORS,
      'transaction_not_found',
      'producer_fenced',
      'transaction_in_progress',
      'transaction_too_large',
      'transaction_unavailable',
      'offsets_pending',
      'topic_not_found',
      'inconsistent_topic_id',
      'partition_not_found',
      'partition_unavailable',
      'offset_past_end',
      'group_not_found',
      'member_not_found',
      'partition_not_owned',
      'stale_epoch',
    ],
  },
  publishInTransaction: {
    id: 'publishInTransaction',
    method: 'post',
    path: `${TRANSACTION}/messages`,
    tag: 'producers',
    access: onTransactionalId('write', '`write` on the exchanges and queues'),
    rate: 'publish',
    summary: 'Publish within the transaction: routed now, sent if it is committed',
    body: { json: transactionMessagesSchema },
    replies: {
      200: { description: 'The transaction holds the messages', json: transactionMessagesReplySchema },
    },
    errors: [
      ...NAMESPACE_ERRORS,
      ...BODY_ERRORS,
      'transaction_not_found',
      'producer_fenced',
      'out_of_order_sequence',
      'transaction_in_progress',
      'transaction_too_large',
      'publish_too_wide',
      'transaction_unavailable',
      'exchange_not_found',
      'exchange_internal',
      'queue_not_found',
      'invalid_message',
      'record_too_large',
      'key_required',
      'cost_ceiling',
      'too_many_records',
    ],
  },
  commitTransaction: {
    id: 'commitTransaction',
    method: 'post',
    path: `${TRANSACTION}/commit`,
    tag: 'producers',
    access: onTransactionalId('write'),
    summary: 'Commit the open transaction, which may be empty. Safe to repeat',
    body: { json: transactionEndSchema },
    replies: { 200: { description: 'The end is decided and final', json: transactionEndReplySchema } },
    errors: END_ERRORS,
  },
  abortTransaction: {
    id: 'abortTransaction',
    method: 'post',
    path: `${TRANSACTION}/abort`,
    tag: 'producers',
    access: onTransactionalId('write'),
    summary: 'Abort the open transaction. Safe to repeat',
    body: { json: transactionEndSchema },
    replies: { 200: { description: 'The end is decided and final', json: transactionEndReplySchema } },
    errors: END_ERRORS,
  },
} as const satisfies Record<string, Operation>;
