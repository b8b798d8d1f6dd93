import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

describe('the running broker', () => {
  it('tells its version at /healthz and in its contract', async () => {
    const { version } = manifest;
    expect((await broker.call('GET', '/healthz')).body).toMatchObject({ status: 'ok', version });
    expect((await broker.call('GET', '/openapi.json')).body).toMatchObject({ info: { version } });
  });
});
