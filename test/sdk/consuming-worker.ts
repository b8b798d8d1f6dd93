/** A worker that consumes: half of a queue in a loop, half with a handler; then it asks and answers on the queue itself. */

import { Posthorn } from '../../sdk/index.ts';

interface Env {
  POSTHORN: Fetcher;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const queue = searchParams.get('queue')!;
    const count = Number(searchParams.get('count'));
    let sockets = 0;
    let polls = 0;
    const posthorn = new Posthorn({
      url: 'http://posthorn.localhost',
      fetch: (url, init) => {
        if (new Headers(init.headers).has('upgrade')) sockets++;
        if (url.endsWith('/deliveries')) polls++;
        return env.POSTHORN.fetch(url, init);
      },
    });
    const looped: unknown[] = [];
    for await (const message of posthorn.messages(queue)) {
      looped.push(message.json());
      await message.ack();
      if (looped.length === count / 2) break;
    }
    const handled: unknown[] = [];
    const all = Promise.withResolvers<void>();
    const consumer = posthorn.consumer(queue, (message) => {
      handled.push(message.json());
      if (handled.length === count / 2) all.resolve();
    });
    await all.promise;
    await consumer.stop();
    const responder = posthorn.respond(queue, () => 'pong');
    const { body: answer } = await posthorn.request({ queue }, { body: 'ping' });
    await responder.stop();
    return Response.json({ looped, handled, answer, sockets, polls });
  },
};
