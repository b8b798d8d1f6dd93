/** The queue and the topic whose messages are pushed, each by the subscription of its name. */

/** Attempts of a message at most: the schedule has one less. */
export const PUSH_ATTEMPTS = 3;

const RETRY = { schedule_ms: [200, 2_000] };
const DELIVERY = { reply_timeout_ms: 1_000, concurrency: 3 };

export const PUSHED = {
  queue: 'pushed',
  topic: 'pushed-log',
  partitions: 2,
  queueDeclaration: { retry: RETRY },
  ofQueue: {
    source: { queue: 'pushed' },
    target: { url: 'https://shop.example.com/messages' },
    ...DELIVERY,
  },
  ofTopic: {
    source: { topic: 'pushed-log', from: 'earliest', retry: RETRY },
    target: { url: 'https://shop.example.com/records' },
    ...DELIVERY,
    batch_messages: 3,
  },
} as const;

/** What the endpoint never accepts. */
export const isPoison = (id: string): boolean => id.split('#')[0]!.endsWith('!');
