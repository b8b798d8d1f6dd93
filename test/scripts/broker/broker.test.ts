/** The broker as a function: the cron trigger, and the claim on its folder. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBroker, type Broker } from '../../../scripts/broker/broker.ts';
import { answers, until } from '../../support/broker/serve-process.ts';

describe('startBroker', () => {
  const logs: string[] = [];
  let dataPath: string;
  let broker: Broker;

  beforeAll(async () => {
    dataPath = mkdtempSync(join(tmpdir(), 'posthorn-broker-'));
    broker = await startBroker({ dataPath, onLog: ({ message }) => logs.push(message) });
  });

  afterAll(async () => {
    await broker.stop();
    rmSync(dataPath, { recursive: true, force: true });
  });

  it('runs the cron trigger while requests are served', async () => {
    const topic = `${broker.url}/v1/default/topics/t`;
    await fetch(topic, {
      method: 'PUT',
      body: '{"partitions":100}',
      headers: { 'content-type': 'application/json' },
    });
    let answered = 0;
    let isOver = false;
    const ask = async (): Promise<void> => {
      for (; !isOver; answered++)
        expect((await fetch(`${topic}/partitions/${answered % 100}`)).status).toBe(200);
    };
    const askers = [ask(), ask(), ask()];
    for (let i = 0; i < 5; i++) await broker.runCron();
    isOver = true;
    await Promise.all(askers);
    expect(answered).toBeGreaterThan(10);
    expect(logs).toEqual([]);
  });

  it('goes on after workerd died, the cron trigger too', async () => {
    const before = broker.workerdPid!;
    process.kill(before, 'SIGKILL');
    await until(
      'workerd runs again',
      async () => broker.workerdPid !== before && (await answers(broker.url)),
    );
    await broker.runCron();
    expect(await answers(broker.url)).toBe(true);
  });

  it('refuses a folder in use also within one process, and leaves its holder alone', async () => {
    await expect(startBroker({ dataPath })).rejects.toMatchObject({ code: 'data_in_use' });
    await expect(startBroker({ dataPath })).rejects.toMatchObject({ code: 'data_in_use' });
    expect(await answers(broker.url)).toBe(true);
  });

  it('gives the folder back when the start fails', async () => {
    const path = mkdtempSync(join(tmpdir(), 'posthorn-broker-'));
    const port = Number(new URL(broker.url).port);
    await expect(startBroker({ dataPath: path, port })).rejects.toMatchObject({ code: 'port_taken' });
    const other = await startBroker({ dataPath: path });
    await other.stop();
    rmSync(path, { recursive: true });
  });
});
