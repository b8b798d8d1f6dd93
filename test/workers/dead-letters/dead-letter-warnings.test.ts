/** What is said of dead letters that go nowhere, or elsewhere, and where those of share groups go by default. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

interface Warned {
  warnings?: string[];
  goes_to?: object;
  dead_letter?: object;
}

const call = async (method: string, path: string, body?: object): Promise<Warned> =>
  (await broker.call<Warned>(method, `/v1/default${path}`, body)).body;

describe('a place for dead letters that does not exist', () => {
  it.each([
    ['queue', { queue: 'no-queue' }, '/queues/no-queue', {}],
    ['exchange', { exchange: 'no-exchange' }, '/exchanges/no-exchange', { type: 'fanout' }],
  ])('is said of a queue and a policy: %s', async (kind, place, path, declaration) => {
    const name = `warns-${kind}`;
    const warnings = [expect.stringContaining(`there is no ${kind} "no-${kind}"`)];
    expect(await call('PUT', `/queues/${name}`, { dead_letter: place })).toMatchObject({ warnings });
    expect(await call('PATCH', `/queues/${name}`, { dead_letter: place })).toMatchObject({ warnings });
    expect(await call('GET', `/queues/${name}`)).toMatchObject({ warnings });
    const policy = { pattern: 'none-*', definition: { dead_letter: place } };
    expect(await call('PUT', `/policies/${name}`, policy)).toMatchObject({ warnings });
    expect(await call('GET', `/policies/${name}`)).toMatchObject({ warnings });
    const listed = await call('GET', `/queues/${name}/dead-letters`);
    expect(listed).toMatchObject({
      goes_to: place,
      warnings: [expect.stringContaining(`${kind} "no-${kind}"`)],
    });
    await call('PUT', path, declaration);
    expect(await call('PUT', `/queues/${name}`, { dead_letter: place })).not.toHaveProperty('warnings');
    expect(await call('GET', `/policies/${name}`)).not.toHaveProperty('warnings');
  });

  it('is said of the place in an exchange also where that exists, when dead letters are listed', async () => {
    await call('PUT', '/exchanges/dlx', { type: 'fanout' });
    const place = { exchange: 'dlx', routing_key: 'dead' };
    expect(await call('PUT', '/queues/elsewhere', { dead_letter: place })).not.toHaveProperty('warnings');
    expect(await call('GET', '/queues/elsewhere/dead-letters')).toMatchObject({ goes_to: place });
    await call('PUT', '/queues/dropping', { dead_letter: 'none' });
    expect(await call('GET', '/queues/dropping/dead-letters')).toMatchObject({ goes_to: 'none' });
    await call('PUT', '/queues/usual');
    expect(await call('GET', '/queues/usual/dead-letters')).not.toHaveProperty('goes_to');
    expect(await call('GET', '/queues/dropping/dead-letters?self=true')).not.toHaveProperty('goes_to');
  });
});

describe('a share group', () => {
  it('has a queue for its dead letters unless told otherwise', async () => {
    await broker.declare('mails');
    const group = await call('PUT', '/share-groups/mailers', { topics: ['mails'] });
    expect(group.dead_letter).toEqual({ queue: 'mailers.dlq' });
    expect(await call('GET', '/queues/mailers.dlq')).toMatchObject({ dead_letter: 'none' });
    await call('PUT', '/queues/taken.dlq', { max_length: 7 });
    expect(await call('PUT', '/share-groups/taken', { topics: ['mails'] })).toMatchObject({
      dead_letter: { queue: 'taken.dlq' },
    });
    expect(await call('GET', '/queues/taken.dlq'), 'one that is there is used').toMatchObject({
      max_length: 7,
    });
    const none = await call('PUT', '/share-groups/optout', { topics: ['mails'], dead_letter: 'none' });
    expect(none.dead_letter).toBe('none');
    expect(await call('GET', '/queues/optout.dlq')).toMatchObject({ code: 'queue_not_found' });
    await call('DELETE', '/queues/mailers.dlq');
    expect(await call('GET', '/share-groups/mailers')).toMatchObject({
      warnings: [expect.stringContaining('there is no queue "mailers.dlq"')],
    });
  });

  it('that starts at the latest begins where partitions ended when it was declared, and reads later ones whole', async () => {
    await broker.declare('shared');
    await broker.produce('shared', [{ value: 'before' }]);
    const path = '/share-groups/late';
    await call('PUT', path, { topics: ['shared'], start: 'latest' });
    await broker.produce('shared', [{ value: 'after' }]);
    const taken = async (): Promise<unknown[]> => {
      const { records } = (await call('POST', `${path}/records`, { member_id: 'm' })) as {
        records: { value: unknown }[];
      };
      return records.map(({ value }) => value);
    };
    expect(await taken()).toEqual(['after']);
    await call('PATCH', '/topics/shared', { partitions: 2 });
    await broker.produce('shared', [{ value: 'partition', partition: 1 }]);
    expect(await taken()).toEqual(['partition']);
    await call('DELETE', '/topics/shared');
    await broker.declare('shared');
    await broker.produce('shared', [{ value: 'again' }]);
    expect(await taken()).toEqual(['again']);
  });
});
