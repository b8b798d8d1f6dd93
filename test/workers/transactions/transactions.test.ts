import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { encodeBatch, orThrow, splitBatches } from '../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../support/batches.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';
import { TransactionClient } from '../../support/clients/transaction-client.ts';

let broker: TestBroker;
beforeAll(
  async () => void (broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' })),
);
afterAll(() => broker.stop());

let names = 0;
async function newTopic(declaration: object = {}): Promise<string> {
  const name = `t${++names}`;
  await broker.declare(name, { partitions: 3, ...declaration });
  return name;
}

interface Code {
  code: string;
}

const begin = (name?: string, more?: object): Promise<TransactionClient> =>
  TransactionClient.begin(() => broker, name, more);

async function committed(topic: string, partition = 0): Promise<unknown[]> {
  const { body } = await broker.fetch(topic, partition, 'isolation=read_committed');
  return body.records.map(({ value }) => value);
}

async function all(topic: string, partition = 0): Promise<unknown[]> {
  return (await broker.fetch(topic, partition)).body.records.map(({ value }) => value);
}

async function evictCoordinator(name: string): Promise<void> {
  await broker.broker.miniflare.unsafeEvictDurableObject('posthorn', 'Transaction', {
    name: `default/${name}`,
  });
}

describe('a transaction', () => {
  it('that was aborted and is large keeps nobody waiting for what is behind it', async () => {
    const topic = await newTopic();
    const tx = await begin();
    const ask = async (offset: number, beyond: Promise<unknown> = Promise.resolve()): Promise<number> => {
      // The wait is longer than the test may take.
      const query = `isolation=read_committed&offset=${offset}&wait_ms=120000`;
      const reply = broker.fetch(topic, 0, query);
      await beyond;
      const { records, next_offset: next } = (await reply).body;
      return records.length > 0 ? next : await ask(next);
    };
    for (let count = 0; count < 10; count++) await tx.send(topic, 0, 'x'.repeat(1_000_000));
    await tx.end('abort');
    await broker.produce(topic, [{ value: 'behind', partition: 0 }]);
    expect(await ask(0)).toBe(12);
    // As above, for a reader that waits already.
    const next = await begin();
    const beyond = (async () => {
      for (let count = 0; count < 10; count++) await next.send(topic, 0, 'x'.repeat(1_000_000));
      await next.end('abort');
      await broker.produce(topic, [{ value: 'behind', partition: 0 }]);
    })();
    expect(await ask(12, beyond)).toBe(24);
  });

  it('is read as committed in all its partitions when it is committed, not before', async () => {
    const topic = await newTopic();
    const tx = await begin();
    for (const partition of [0, 1, 2]) expect((await tx.send(topic, partition, 'a', 'b')).status).toBe(200);
    expect(await committed(topic)).toEqual([]);
    expect(await all(topic)).toEqual(['a', 'b']);
    expect(await tx.state()).toMatchObject({ state: 'open', partitions: [{ topic, partition: 0 }, {}, {}] });
    expect((await tx.end('commit')).body).toMatchObject({ state: 'empty', producer: { epoch: 1 } });
    for (const partition of [0, 1, 2]) expect(await committed(topic, partition)).toEqual(['a', 'b']);
    const { body } = await broker.fetch(topic, 0, 'isolation=read_committed');
    expect(body).toMatchObject({ next_offset: 3, high_watermark: 3, last_stable_offset: 3 });
  });

  it('is not read as committed when it is aborted, whatever lies around it', async () => {
    const topic = await newTopic();
    const [lost, kept] = [await begin(), await begin()];
    await lost.send(topic, 0, 'lost 1');
    await kept.send(topic, 0, 'kept 1');
    await broker.produce(topic, [{ value: 'plain', partition: 0 }]);
    await lost.send(topic, 0, 'lost 2');
    await kept.end('commit');
    // Nothing after the first open transaction is stable, whoever wrote it.
    expect(await committed(topic)).toEqual([]);
    await lost.end('abort');
    expect(await committed(topic)).toEqual(['kept 1', 'plain']);
    await lost.send(topic, 0, 'again');
    await lost.end('commit');
    expect(await committed(topic)).toEqual(['kept 1', 'plain', 'again']);
    expect(await all(topic)).toEqual(['lost 1', 'kept 1', 'plain', 'lost 2', 'again']);
    await broker.restart();
    expect(await committed(topic)).toEqual(['kept 1', 'plain', 'again']);
  });

  it('is left out of record batches too, and the batches say what they are', async () => {
    const topic = await newTopic();
    const tx = await begin();
    await tx.send(topic, 0, 'lost');
    await tx.end('abort');
    await tx.send(topic, 0, 'kept');
    await tx.end('commit');
    const response = await fetch(
      `${broker.url}/v1/default/topics/${topic}/partitions/0/records?isolation=read_committed`,
      { headers: { accept: RECORD_BATCH_TYPE } },
    );
    const batches = orThrow(splitBatches(new Uint8Array(await response.arrayBuffer())));
    const data = batches.filter(({ header }) => !header.isControl);
    expect(data.map(({ header }) => header.baseOffset)).toEqual([2]);
    expect(data[0]!.header).toMatchObject({ isTransactional: true, producerEpoch: 1, baseSequence: 0 });
    expect(response.headers.get('posthorn-last-stable-offset')).toBe('4');
  });

  it('takes record batches with the transactional bit', async () => {
    const topic = await newTopic();
    const tx = await begin();
    const bytes = encodeBatch([{ key: null, value: bytesOf('"raw"'), timestamp: 1_000 }], {
      producerId: tx.producer.id,
      producerEpoch: tx.producer.epoch,
      baseSequence: 0,
      isTransactional: true,
    });
    const produce = (query: string): Promise<Reply<Code>> =>
      broker.call('POST', `/v1/default/topics/${topic}/records?partitions=0${query}`, bytes, {
        'content-type': RECORD_BATCH_TYPE,
      });
    expect((await produce('')).body.code).toBe('invalid_batch');
    expect((await produce(`&transactional_id=${tx.name}`)).status).toBe(200);
    expect(await committed(topic)).toEqual([]);
    await tx.end('commit');
    expect(await committed(topic)).toEqual(['raw']);
  });

  it.each([
    { how: 'in three requests', isOneRequest: false, outcome: 'commit', most: 8 },
    { how: 'in one request', isOneRequest: true, outcome: 'commit', most: 6 },
    { how: 'in three requests and aborted', isOneRequest: false, outcome: 'abort', most: 8 },
  ] as const)(
    'over three partitions $how costs at most $most rows more than the same records without',
    async ({ isOneRequest, outcome, most }) => {
      const rows = async (topic: string): Promise<number> => {
        const states = await Promise.all([0, 1, 2].map((partition) => broker.state(topic, partition)));
        return states.reduce((sum, { meter }) => sum + meter.rows_written, 0);
      };
      const plain = await newTopic();
      const topic = await newTopic();
      const tx = await begin();
      const round = async (): Promise<void> => {
        for (const partition of [0, 1, 2]) {
          await broker.produce(plain, [{ value: 'x', partition }]);
          if (!isOneRequest) await tx.send(topic, partition, 'x');
        }
        if (isOneRequest) await tx.sendToAll(topic, 3);
        await tx.end(outcome);
      };
      await round(); // what is made once is made
      const before = [await rows(plain), await rows(topic), (await tx.state()).meter.rows_written] as const;
      await round();
      const without = (await rows(plain)) - before[0];
      const within = (await rows(topic)) - before[1] + (await tx.state()).meter.rows_written - before[2];
      expect(within - without).toBeLessThanOrEqual(most);
      expect(within - without).toBeGreaterThan(3); // the markers alone: what is counted is there
    },
  );

  it('wakes readers of committed records when it ends, and only then', async () => {
    const topic = await newTopic();
    const tx = await begin();
    const waiting = broker.fetch(topic, 0, 'isolation=read_committed&wait_ms=30000');
    while ((await broker.state(topic, 0)).waiting === 0);
    await tx.send(topic, 0, 'lost');
    await tx.end('abort');
    await tx.send(topic, 0, 'kept');
    expect((await broker.state(topic, 0)).waiting).toBe(1);
    await broker.evict(topic, 0);
    await tx.end('commit');
    expect((await waiting).body).toMatchObject({ records: [{ offset: 2, value: 'kept' }], next_offset: 4 });
  });

  it('wakes readers that have to get on by what was aborted too', async () => {
    const topic = await newTopic();
    const tx = await begin();
    const waiting = broker.fetch(topic, 0, 'isolation=read_committed&wait_ms=30000&wait_for=progress');
    while ((await broker.state(topic, 0)).waiting === 0);
    await tx.send(topic, 0, 'lost');
    await tx.end('abort');
    expect((await waiting).body).toMatchObject({ records: [], next_offset: 2 });
    const query = 'isolation=read_committed&wait_ms=30000&wait_for=progress&offset=0';
    expect((await broker.fetch(topic, 0, query)).body).toMatchObject({ records: [], next_offset: 2 });
  });

  it('wakes readers that want to know where the log ends by records that are not stable', async () => {
    const topic = await newTopic();
    const tx = await begin();
    const query = 'isolation=read_committed&wait_ms=30000&seen_high_watermark=';
    const waiting = broker.fetch(topic, 0, `${query}0`);
    while ((await broker.state(topic, 0)).waiting === 0);
    await tx.send(topic, 0, 'open');
    const answer = { records: [], next_offset: 0, high_watermark: 1, last_stable_offset: 0 };
    expect((await waiting).body).toMatchObject(answer);
    expect((await broker.fetch(topic, 0, `${query}0`)).body).toMatchObject(answer);
    const next = broker.fetch(topic, 0, `${query}1`);
    while ((await broker.state(topic, 0)).waiting === 0);
    await tx.end('commit');
    expect((await next).body).toMatchObject({ records: [{ value: 'open' }], next_offset: 2 });
  });

  it('begins reading at the last stable offset with latest', async () => {
    const topic = await newTopic();
    const tx = await begin();
    await broker.produce(topic, [{ value: 'before', partition: 0 }]);
    await tx.send(topic, 0, 'open');
    const { body } = await broker.fetch(topic, 0, 'isolation=read_committed&offset=latest');
    expect(body).toMatchObject({ records: [], next_offset: 1 });
    await tx.end('abort');
  });
});

describe('who comes late', () => {
  it('commits twice and hears the same; the opposite is refused', async () => {
    const topic = await newTopic();
    const tx = await begin();
    await tx.send(topic, 0, 'a');
    const old = tx.producer;
    const first = await tx.end('commit');
    tx.producer = old;
    await evictCoordinator(tx.name);
    expect((await tx.end('commit')).body).toEqual(first.body);
    tx.producer = old;
    expect(await tx.end('abort')).toMatchObject({ status: 409, body: { code: 'transaction_committed' } });
    expect(await committed(topic)).toEqual(['a']);
    expect((await broker.state(topic, 0)).high_watermark).toBe(2);
  });

  it('is fenced when its transaction was aborted before anything of it arrived', async () => {
    const topic = await newTopic();
    const late = await begin();
    const next = new TransactionClient(() => broker, late.name);
    next.producer = late.producer;
    expect((await next.end('abort')).body).toMatchObject({ state: 'empty', producer: { epoch: 1 } });
    await next.send(topic, 0, 'next');
    expect((await late.send(topic, 0, 'late')).body.code).toBe('producer_fenced');
    expect((await late.send(topic, 1, 'late')).body.code).toBe('producer_fenced');
    await evictCoordinator(late.name);
    expect((await late.send(topic, 1, 'late')).body.code).toBe('producer_fenced');
    await next.end('commit');
    expect([await all(topic, 0), await all(topic, 1)]).toEqual([['next'], []]);
  });

  it('is fenced when a new instance has begun, which aborts what was open', async () => {
    const topic = await newTopic();
    const old = await begin();
    await old.send(topic, 0, 'zombie');
    const young = await begin(old.name);
    expect((await old.send(topic, 0, 'more')).body.code).toBe('producer_fenced');
    expect((await old.send(topic, 1, 'elsewhere')).body.code).toBe('producer_fenced');
    expect((await old.end('commit')).body.code).toBe('producer_fenced');
    await young.send(topic, 0, 'young');
    await young.end('commit');
    expect(await committed(topic)).toEqual(['young']);
    expect(await committed(topic, 1)).toEqual([]);
  });

  it('finds its transaction aborted when its time was over', async () => {
    const topic = await newTopic();
    const tx = await begin(undefined, { transaction_timeout_ms: 1_000 });
    await tx.send(topic, 0, 'slow');
    await broker.advance(1_001);
    expect((await tx.end('commit')).body.code).toBe('transaction_aborted');
    expect(await tx.state()).toMatchObject({ last: { outcome: 'abort', reason: 'timeout' } });
    await broker.produce(topic, [{ value: 'plain', partition: 0 }]);
    const seen = await committed(topic);
    expect(seen).toEqual(['plain']);
  });

  it('does not matter to readers when it never comes again: the alarm aborts', async () => {
    const topic = await newTopic();
    const tx = await begin(undefined, { transaction_timeout_ms: 1_000 });
    await tx.send(topic, 0, 'left alone');
    const reader = broker.fetch(topic, 0, 'isolation=read_committed&offset=2&wait_ms=30000');
    expect((await reader).body).toMatchObject({ code: 'offset_past_end' });
    const deadline = Date.now() + 20_000;
    while ((await broker.state(topic, 0)).last_stable_offset === 0) {
      if (Date.now() > deadline) throw new Error('the alarm did not abort the transaction');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await committed(topic)).toEqual([]);
  });
});

describe('the coordinator', () => {
  const title = 'goes on when it was %s between any two steps';
  it.each(['evicted', 'restarted'] as const)(title, { timeout: 120_000 }, async (how) => {
    const topic = await newTopic();
    const lose = async (name: string): Promise<void> => {
      if (how === 'restarted') return broker.restart();
      await broker.state(topic, 0); // only what runs can be evicted
      await evictCoordinator(name);
      await broker.evict(topic, 0);
    };
    const tx = await begin();
    await lose(tx.name);
    await tx.send(topic, 0, 'a');
    await lose(tx.name);
    await tx.send(topic, 1, 'b');
    await lose(tx.name);
    await tx.end('commit');
    await lose(tx.name);
    await tx.send(topic, 0, 'c');
    await lose(tx.name);
    await tx.end('abort');
    await lose(tx.name);
    expect(await committed(topic)).toEqual(['a']);
    expect(await committed(topic, 1)).toEqual(['b']);
    expect((await broker.state(topic, 0)).last_stable_offset).toBe(4);
  });

  it('is done with a topic that was deleted meanwhile', async () => {
    const [gone, topic] = [await newTopic(), await newTopic()];
    const tx = await begin();
    await tx.send(gone, 0, 'a');
    await tx.send(topic, 0, 'b');
    await broker.call('DELETE', `/v1/default/topics/${gone}`);
    expect((await tx.end('commit')).body.state).toBe('empty');
    expect(await committed(topic)).toEqual(['b']);
  });

  it.each([
    {
      name: 'an unknown id',
      path: 'transactions/nobody',
      method: 'GET',
      body: undefined,
      code: 'transaction_not_found',
    },
    {
      name: 'a commit of an unknown id',
      path: 'transactions/nobody/commit',
      method: 'POST',
      body: { producer: { id: 0, epoch: 0 } },
      code: 'transaction_not_found',
    },
    {
      name: 'a name that is none',
      path: 'transactions/a%0Ab',
      method: 'GET',
      body: undefined,
      code: 'invalid_name',
    },
    {
      name: 'a commit of nobody',
      path: 'transactions/x/commit',
      method: 'POST',
      body: {},
      code: 'invalid_field',
    },
    {
      name: 'a timeout alone',
      path: 'producers',
      method: 'POST',
      body: { transaction_timeout_ms: 5_000 },
      code: 'invalid_field',
    },
    {
      name: 'a timeout that is too long',
      path: 'producers',
      method: 'POST',
      body: { transactional_id: 'x', transaction_timeout_ms: 900_001 },
      code: 'invalid_field',
    },
  ])('refuses $name', async ({ path, method, body, code }) => {
    expect((await broker.call(method, `/v1/default/${path}`, body)).body.code).toBe(code);
  });

  it('refuses records of a transactional id that nobody has begun', async () => {
    const topic = await newTopic();
    const stranger = new TransactionClient(() => broker);
    stranger.producer = { id: 1, epoch: 0 };
    expect((await stranger.send(topic, 0, 'x')).body.code).toBe('transaction_not_found');
    expect(await all(topic)).toEqual([]);
  });
});
