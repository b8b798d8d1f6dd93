/** Request-reply: calls that wait for a reply, and those who take the requests and reply to them, well or badly. */

import type { Deliveries } from '../../../protocol/schemas/deliveries.ts';
import type { Random } from '../../crash/random.ts';
import type { TestBroker } from '../../support/broker/test-broker.ts';
import { readAnswer } from '../answers.ts';
import { call } from './call.ts';
import { hostile, pick } from '../values/schema-values.ts';

const QUEUE = 'asked';
const EXCHANGE = '/v1/default/exchanges/amq.default';
const WAIT_MS = 3_000;

/**
 * One request and its replies: to its address, twice, or to another that looks like it.
 * @returns what is wrong, and whether the request was answered by its reply
 */
export async function requestReply(
  broker: TestBroker,
  random: Random,
): Promise<{ wrong: string[]; isReplied: boolean }> {
  await call(broker, 'PUT', `/v1/default/queues/${QUEUE}`, {});
  await call(broker, 'POST', `/v1/default/queues/${QUEUE}/purge`);
  const asked = fetch(`${broker.url}${EXCHANGE}/requests`, {
    method: 'POST',
    // A kept connection may be closed at this moment, and a request is not safe to send again.
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ routing_key: QUEUE, body: 'what?', wait_ms: WAIT_MS }),
  }).then((response) => readAnswer(response, 'request'));
  const { body: taken } = await call<Deliveries>(broker, 'POST', `/v1/default/queues/${QUEUE}/deliveries`, {
    wait_ms: WAIT_MS,
    auto_ack: true,
  });
  const address = taken.deliveries[0]?.properties.reply_to;
  const routingKeys = pick(random, [
    [address],
    [address, address],
    [`${address?.slice(0, -1)}0`, address],
    [address?.toUpperCase(), address],
    [`${address}.more`, address],
  ]);
  const drawn = hostile(random);
  const wrong: string[] = [];
  for (const routing_key of routingKeys) {
    const messages = [{ routing_key, body: drawn }];
    // A second reply, and one to nobody, are unroutable, which is no refusal.
    const { status, body } = await call<unknown>(broker, 'POST', `${EXCHANGE}/messages`, { messages });
    if (status >= 500) wrong.push(`a reply to ${routing_key} was answered ${status} ${JSON.stringify(body)}`);
  }
  const answer = await asked;
  wrong.push(...answer.wrong.map((what) => `a request with the reply ${JSON.stringify(drawn)} ${what}`));
  return { wrong, isReplied: answer.status === 200 };
}
