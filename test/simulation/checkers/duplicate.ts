import type { Checker } from './checker.ts';
import { finalLogs } from './logs.ts';

/**
 * What was sent once is stored once: a record of a topic, and in a queue with a deduplication window all attempts to
 * publish the same message id together.
 */
export const duplicate: Checker = {
  name: 'duplicate',
  promise: 'What was sent once is stored once; attempts with one message id are, within the window, too',
  check: (history) => {
    const broken: string[] = [];
    const copies = new Map<string, number>();
    for (const { topic, copies: count, producer, records } of history.of('produce')) {
      for (const { id } of records) copies.set(`${topic} ${id}`, producer === null ? count : 1);
    }
    for (const [log, records] of finalLogs(history)) {
      const topic = log.split('/')[0]!;
      const seen = new Map<string, number>();
      for (const [offset, id] of records) {
        const count = (seen.get(id) ?? 0) + 1;
        seen.set(id, count);
        if (count > (copies.get(`${topic} ${id}`) ?? 1)) broken.push(`${log}/${offset} is ${id} once more`);
      }
    }
    const messageIds = new Map<string, string>();
    for (const { queue, messages } of history.of('publish')) {
      for (const { id, messageId } of messages)
        if (messageId !== null) messageIds.set(`${queue} ${id}`, messageId);
    }
    const places = new Map<string, string>();
    for (const { queue, deliveries } of history.of('deliver')) {
      for (const { id, tag, count } of deliveries) {
        const messageId = messageIds.get(`${queue} ${id}`);
        if (messageId === undefined || count > 1) continue;
        const place = tag.split('-').slice(0, 3).join('-');
        const known = places.get(messageId);
        if (known !== undefined && known !== `${place} ${id}`) {
          broken.push(`queue ${queue} has message id ${messageId} as ${known} and as ${place} ${id}`);
        }
        places.set(messageId, `${place} ${id}`);
      }
    }
    return broken;
  },
};
