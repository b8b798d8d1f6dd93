/** A worker that reads a topic as a member of a group, until it has so many records. */

import { Posthorn } from '../../../sdk/index.ts';

interface Env {
  POSTHORN: Fetcher;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const count = Number(searchParams.get('count'));
    const posthorn = new Posthorn({
      url: 'http://posthorn.localhost',
      fetch: (url, init) => env.POSTHORN.fetch(url, init),
    });
    const values: unknown[] = [];
    const all = Promise.withResolvers<void>();
    const consumer = posthorn.consumer({
      group: 'workers',
      topics: [searchParams.get('topic')!],
      eachRecord: (record) => {
        values.push(record.json());
        if (values.length === count) all.resolve();
      },
    });
    await Promise.race([all.promise, consumer.done]);
    await consumer.stop();
    return Response.json(values);
  },
};
