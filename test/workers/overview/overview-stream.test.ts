/** The overview as a stream of events. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Overview } from '../../../protocol/schemas/overview.ts';
import { Posthorn } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const STREAM = '/v1/default/overview/stream';

async function* events(signal: AbortSignal, query = ''): AsyncGenerator<Overview> {
  const reply = await fetch(`${broker.url}${STREAM}${query}`, {
    headers: { accept: 'text/event-stream' },
    signal,
  });
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toBe('text/event-stream');
  let text = '';
  for await (const chunk of reply.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const event = /^event: overview\ndata: (.*)$/.exec(block);
      if (event) yield JSON.parse(event[1]!) as Overview;
      else expect(block).toMatch(/^(?:retry: \d+|: alive)$/);
    }
  }
}

describe('the stream of the overview', () => {
  it('begins with what is there, and goes on with what changes', async () => {
    const gone = new AbortController();
    const stream = events(gone.signal);
    expect((await stream.next()).value).toMatchObject({ totals: { queues: 0 } });
    await broker.call('PUT', '/v1/default/queues/jobs', {});
    expect((await stream.next()).value).toMatchObject({ totals: { queues: 1, ready: 0 } });
    await broker.call('POST', '/v1/default/queues/jobs/messages', { messages: [{ body: 1 }] });
    await broker.askObjects();
    expect((await stream.next()).value).toMatchObject({ totals: { queues: 1, ready: 1 } });
    await broker.evictObject('Overview', broker.namespace);
    await broker.call('DELETE', '/v1/default/queues/jobs');
    expect((await stream.next()).value).toMatchObject({ totals: { queues: 0 } });
    gone.abort();
  });

  it('is the overview once, for who accepts no events', async () => {
    const { status, body } = await broker.call<Overview>('GET', `${STREAM}?limit=3`);
    expect([status, body.totals.queues]).toEqual([200, 0]);
  });

  it('refuses a limit that is none', async () => {
    expect(
      (await broker.call('GET', `${STREAM}?limit=0`, undefined, { accept: 'text/event-stream' })).status,
    ).toBe(400);
  });

  it('comes from the SDK as values', async () => {
    const posthorn = new Posthorn({ url: broker.url, namespace: 'default' });
    const gone = new AbortController();
    const seen: number[] = [];
    for await (const { totals } of posthorn.overview.follow({ signal: gone.signal })) {
      seen.push(totals.queues);
      if (seen.length === 2) break;
      await broker.call('PUT', '/v1/default/queues/more', {});
    }
    expect(seen).toEqual([0, 1]);
  });
});
