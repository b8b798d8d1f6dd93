/** InitProducerId: the identity that makes a repeated produce be stored once. */

import { jsonBody } from '../../../sdk/client/transport.ts';
import type { ProducerReply } from '../../../protocol/schemas/producers.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure } from '../broker/broker-errors.ts';
import type { Handler } from '../session.ts';

interface InitProducerIdRequest {
  transactionalId: string | null;
  transactionTimeoutMs: number;
}

const NOBODY = { producerId: -1, producerEpoch: -1 };

export const initProducerId: Handler<InitProducerIdRequest> = async ({ client }, { transactionalId }) => {
  if (transactionalId !== null) {
    return {
      ...kafkaFailure('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'transactions are not served'),
      ...NOBODY,
    };
  }
  try {
    const call = { method: 'POST', path: '/producers', ...jsonBody({}) } as const;
    const { id, epoch } = await client.transport.json<ProducerReply>(call);
    return { errorCode: ERRORS.NONE, producerId: id, producerEpoch: epoch };
  } catch (error) {
    return { ...failureOf(error, 'cluster'), ...NOBODY };
  }
};
