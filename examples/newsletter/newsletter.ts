/**
 * A newsletter to 100,000 subscribers: one job each, VIPs first, retries that back off, dead letters, replay.
 *
 *   email_queue   priorities 0 to 10, messages live for 24 hours, exponential backoff
 *     dead letters -> exchange email_dlx -> queue email_dlq
 *
 * The mail server of one domain is down at first: its mails fail, are tried again, and end as dead letters. When the server
 * is back, the dead letters are replayed.
 */

import { Posthorn, type ReceivedMessage } from '../../sdk/index.ts';
import { conclude, uniqueName, type ExampleContext } from '../example.ts';

export interface NewsletterOptions {
  subscribers?: number;
  /** The first delay before a retry, in ms; each next one is twice as long. */
  backoffMs?: number;
}

const DAY_MS = 24 * 3_600_000;
const VIP_PRIORITY = 10;
/** Every hundredth subscriber is a VIP, every 500th has an address at the server that is down. */
const isVip = (subscriber: number): boolean => subscriber % 100 === 0;
const isAtBrokenServer = (subscriber: number): boolean => subscriber % 500 === 1;

interface Mail {
  subscriber: number;
  to: string;
  subject: string;
}

export async function newsletter(
  { broker, say, progress, signal }: ExampleContext,
  { subscribers = 100_000, backoffMs = 500 }: NewsletterOptions = {},
): Promise<boolean> {
  const posthorn = new Posthorn(broker);
  const queue = uniqueName('email_queue');
  const exchange = uniqueName('email_dlx');
  const deadLetterQueue = uniqueName('email_dlq');
  await posthorn.exchanges.declare(exchange, { type: 'fanout' });
  await posthorn.queues.declare(deadLetterQueue);
  await posthorn.exchanges.bind(exchange, { queue: deadLetterQueue });
  await posthorn.queues.declare(queue, {
    maxPriority: VIP_PRIORITY,
    messageTtlMs: DAY_MS,
    deadLetter: { exchange },
    retry: { baseMs: backoffMs, factor: 2, maxMs: 60_000, jitter: 0.2, attempts: 3 },
  });

  await publishAll(posthorn, queue, subscribers, progress, signal);
  say(`${subscribers} mails wait in ${queue}: VIPs at priority ${VIP_PRIORITY}, all others at 0.`);

  const sent: number[] = [];
  let isServerUp = false;
  const send = (message: ReceivedMessage): void => {
    const { subscriber } = message.json<Mail>()!;
    if (isAtBrokenServer(subscriber) && !isServerUp) throw new Error('450 mailbox unavailable');
    sent.push(subscriber);
    if (sent.length % 1_000 === 0) progress(`  ${sent.length} of ${subscribers} sent`);
  };
  const consumer = posthorn.consumer(queue, send, { concurrency: 100 });
  const broken = countOf(subscribers, isAtBrokenServer);
  try {
    await waitUntil(async () => sent.length === subscribers - broken && (await held()) === broken, signal);
    say(`${sent.length} mails are sent; ${broken} failed, waited, failed again and are dead letters now:`);
    const [letter] = await firstDeadLetter(posthorn, deadLetterQueue);
    say(`  ${letter?.error.message}, after ${letter?.metadata.retryCount} retries, in ${queue}`);

    isServerUp = true;
    say('The mail server is back; the dead letters are replayed.');
    await posthorn.deadLetters.replay(deadLetterQueue, { signal });
    await waitUntil(async () => sent.length === subscribers, signal);
  } finally {
    await consumer.stop();
  }
  const left = await held();
  await posthorn.queues.delete(queue);
  await posthorn.queues.delete(deadLetterQueue);
  await posthorn.exchanges.delete(exchange);

  const vips = countOf(subscribers, isVip);
  const lastVip = sent.findLastIndex(isVip);
  return conclude(say, [
    { claim: 'every subscriber was sent one mail', holds: new Set(sent).size === subscribers },
    { claim: 'no mail was sent twice', holds: sent.length === subscribers },
    {
      claim: 'VIPs were served first',
      // Handlers work side by side, so a few of the first others may overtake the last VIP.
      holds: lastVip < vips + 200,
    },
    { claim: 'no dead letter is left', holds: left === 0 },
  ]);

  async function held(): Promise<number> {
    const { state } = await posthorn.queues.get(deadLetterQueue);
    return state.ready;
  }
}

async function publishAll(
  posthorn: Posthorn,
  queue: string,
  subscribers: number,
  progress: ExampleContext['progress'],
  signal: AbortSignal,
): Promise<void> {
  await using publisher = posthorn.publisher({ signal });
  const confirmed: Promise<unknown>[] = [];
  for (let subscriber = 0; subscriber < subscribers; subscriber++) {
    await publisher.ready();
    const host = isAtBrokenServer(subscriber) ? 'down.example' : 'mail.example';
    const body: Mail = { subscriber, to: `user-${subscriber}@${host}`, subject: 'News of the week' };
    const properties = isVip(subscriber) ? { priority: VIP_PRIORITY } : {};
    confirmed.push(publisher.sendToQueue(queue, { body, properties }));
    if (subscriber % 5_000 === 0) progress(`  ${subscriber} of ${subscribers} published`);
  }
  await Promise.all(confirmed);
}

async function firstDeadLetter(posthorn: Posthorn, queue: string) {
  for await (const letter of posthorn.deadLetters.list(queue)) return [letter];
  return [];
}

function countOf(subscribers: number, is: (subscriber: number) => boolean): number {
  return Array.from({ length: subscribers }, (_, subscriber) => subscriber).filter(is).length;
}

async function waitUntil(isTrue: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await isTrue())) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
