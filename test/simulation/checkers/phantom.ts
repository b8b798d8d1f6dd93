import { TIMED } from '../workload/queue-topology.ts';
import { publishedTo } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/** Nothing is read that was not sent, nor what was refused. */
export const phantom: Checker = {
  name: 'phantom',
  promise: 'A refused request changes nothing, and nothing comes from nowhere',
  check: (history) => {
    const broken: string[] = [];
    const sent = new Map<string, 'refused' | 'taken'>();
    for (const { topic, outcome, copies, records } of history.of('produce')) {
      const isRefused = outcome === 'refused' && copies === 1;
      for (const { id } of records) {
        // Of several attempts to send the same, one may have been taken.
        if (sent.get(`${topic} ${id}`) !== 'taken')
          sent.set(`${topic} ${id}`, isRefused ? 'refused' : 'taken');
      }
    }
    for (const { queue, copies, messages } of history.of('publish')) {
      for (const { id, outcome } of messages) {
        const isRefused = (outcome === 'rejected' || outcome === 'duplicate') && copies === 1;
        sent.set(`${queue} ${id}`, isRefused ? 'refused' : 'taken');
      }
    }
    const look = (where: string, id: string): void => {
      const fate = sent.get(`${where} ${id}`);
      if (fate === undefined) broken.push(`${where} gave ${id}, which was never sent to it`);
      else if (fate === 'refused') broken.push(`${where} gave ${id}, which it had refused`);
    };
    for (const { topic, records } of history.of('fetch')) for (const { id } of records) look(topic, id);
    for (const { queue, deliveries } of history.of('deliver')) {
      // What a queue refuses may be a dead letter of it; what a schedule publishes nobody sent.
      if (queue !== 'overflowing.dlq' && publishedTo(queue) !== TIMED.queue)
        for (const { id } of deliveries) look(publishedTo(queue), id);
    }
    return broken;
  },
};
