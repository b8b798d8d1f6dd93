/** References between the entries of a document of definitions. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { Posthorn, type DefinitionsDocument } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

it('a document is refused if a subscription stores messages where nothing is, or nothing would be', async () => {
  const posthorn = new Posthorn({ url: broker.url });
  const { definitions } = posthorn;
  const document: DefinitionsDocument = {
    posthorn: 1,
    queues: [{ queue: 'from' }],
    subscriptions: [{ subscription: 's', source: { queue: 'from' }, target: { queue: 'to' } }],
  };
  await expect(definitions.apply(document)).rejects.toMatchObject({ code: 'queue_not_found' });
  expect(await posthorn.queues.list()).toEqual([]);
  await definitions.apply({ ...document, queues: [{ queue: 'from' }, { queue: 'to' }] });
  await expect(definitions.apply(document, { prune: true })).rejects.toMatchObject({
    code: 'invalid_field',
  });
  expect(await posthorn.queues.list()).toHaveLength(2);
});
