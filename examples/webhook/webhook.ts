/**
 * Orders pushed to the endpoint of a shop, which runs no consumer. It verifies signatures, is down for a moment, refuses one
 * order for good, and takes every other one once. Needs a broker that may call this machine.
 */

import { Posthorn } from '../../sdk/index.ts';
import { conclude, uniqueName, type ExampleContext } from '../example.ts';
import { ShopEndpoint } from './shop-endpoint.ts';

const ORDERS = 200;
const POISON = 13;

export async function webhook({ broker, say, signal }: ExampleContext, orders = ORDERS): Promise<boolean> {
  const posthorn = new Posthorn(broker);
  const name = uniqueName('orders');
  const endpoint = await ShopEndpoint.start();
  const until = async (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isTrue())) {
      if (signal.aborted) throw new Error(`stopped while waiting for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await posthorn.queues.declare(name, { retry: { scheduleMs: [100, 200] } }, { signal });
  const { secret } = await posthorn.subscriptions.put(name, {
    source: { queue: name },
    target: { url: endpoint.url },
  });
  endpoint.secret = secret!;
  say(`The subscription ${name} pushes to ${endpoint.url}. Its secret was shown once.`);
  try {
    const tested = await posthorn.subscriptions.test(name).catch(() => null);
    say(`A test message: ${tested?.status ?? 'no reply'}`);
    endpoint.statusOf = (order) => (order === POISON ? 422 : 200);
    {
      await using publisher = posthorn.publisher();
      await Promise.all(
        Array.from({ length: orders }, (_, order) => publisher.sendToQueue(name, { body: { order } })),
      );
    }
    say(`Published ${orders} orders. The shop refuses order ${POISON}.`);
    await until('the orders', () => endpoint.taken.size === orders - 1);
    say(`The shop has taken ${endpoint.taken.size} orders.`);
    let error = '';
    await until('the dead letter', async () => {
      for await (const letter of posthorn.deadLetters.list(name)) error = letter.error.type ?? '';
      return error !== '';
    });
    say(`Order ${POISON} is a dead letter: ${error}, after ${endpoint.refused} attempts.`);

    const stranger = await fetch(endpoint.url, { method: 'POST', body: '{"messages":[]}' });
    say(`A stranger who posts to the endpoint gets ${stranger.status}.`);
    const attempts = await posthorn.subscriptions.attempts(name, { onlyFailed: true });
    return conclude(say, [
      { claim: 'every order but one was taken', holds: endpoint.taken.size === orders - 1 },
      { claim: 'the refused order was tried three times', holds: endpoint.refused === 3 },
      { claim: 'its dead letter has the status', holds: error === 'http_422' },
      { claim: 'the list of attempts says so', holds: attempts.some(({ status }) => status === 422) },
      { claim: 'nobody else can post orders', holds: stranger.status === 401 && endpoint.forged === 1 },
    ]);
  } finally {
    await posthorn.subscriptions.delete(name);
    await posthorn.queues.delete(`${name}.dlq`);
    await posthorn.queues.delete(name);
    await endpoint.stop();
  }
}
