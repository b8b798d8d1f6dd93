/** Publishing through an exchange to two queues and a topic. */

import { between, times, type Operation } from './operation.ts';
import { FANOUT } from './topology.ts';

interface Destination {
  kind: string;
  name: string;
  partition?: number;
  offset?: number;
}

export const publishThroughExchange: Operation = {
  name: 'publish-exchange',
  weight: 5,
  run: async (client, id, random) => {
    const ids = times(between(random, 1, 3), (index) => `${id}.${index}`);
    await client.retried(random, async (attempt) => {
      const names = ids.map((name) => `${name}#${attempt}`);
      const messages = names.map((body) => ({ body, routing_key: 'any' }));
      const answer = await client.request('POST', `/exchanges/${FANOUT.exchange}/messages`, { messages });
      const { outcome, copies, begin, end } = answer;
      const span = { client: client.name, outcome, copies, begin, end };
      const results = (outcome === 'ok' ? answer.body['messages'] : []) as { destinations: Destination[] }[];
      for (const queue of FANOUT.queues) {
        const isStored = (index: number): boolean =>
          results[index]?.destinations.some(({ kind, name }) => kind === 'queue' && name === queue) ?? false;
        client.add({
          kind: 'publish',
          queue,
          ...span,
          messages: names.map((name, index) => ({
            id: name,
            messageId: null,
            key: null,
            isDelayed: false,
            outcome: outcome === 'refused' ? 'rejected' : isStored(index) ? 'stored' : 'unknown',
          })),
        });
      }
      client.add({
        kind: 'produce',
        topic: FANOUT.topic,
        ...span,
        producer: null,
        records: names.map((name, index) => {
          const place = results[index]?.destinations.find(({ kind }) => kind === 'topic');
          return { id: name, key: null, partition: place?.partition ?? null, offset: place?.offset ?? null };
        }),
      });
      return answer;
    });
  },
};
