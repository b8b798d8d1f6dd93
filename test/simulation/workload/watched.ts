/**
 * Streams of one queue: most work, some settle nothing, and some vanish without a word, as when a cable is pulled. Those that
 * work are served in turn, and those that vanished are found out.
 */

import { declareLate } from './late-queues.ts';
import { openStream } from './open-stream.ts';
import { between, pick, type Operation } from './operation.ts';
import { publishTo } from './queues.ts';

const QUEUE = 'watched';

export const publishWatched: Operation = {
  name: 'publish-watched',
  weight: 2,
  run: async (client, id, random) => {
    if (await declareLate(client, QUEUE, random)) await publishTo(client, id, random, QUEUE);
  },
};

export const watch: Operation = {
  name: 'watch',
  weight: 2,
  run: async (client, id, random) => {
    if (!(await declareLate(client, QUEUE, random))) return;
    const kind = pick(random, ['works', 'works', 'works', 'stands still', 'vanishes'] as const);
    const opened = await openStream(
      client,
      {
        queue: QUEUE,
        consumer: `stream-${id}`,
        prefetch: between(random, 1, 6),
        leaseMs: between(random, 1_000, 6_000),
        settles: kind === 'stands still' ? 0 : 1,
        settleMs: kind === 'works' ? 200 : 2_000,
        ...(random() < 0.5 && { heartbeatMs: between(random, 500, 4_000) }),
      },
      random,
    );
    if (!opened) return;
    const end = kind === 'vanishes' ? opened.vanish : opened.close;
    // Those that are of no use stay for longer than the broker puts up with.
    const stayMs = kind === 'stands still' ? between(random, 5_000, 50_000) : between(random, 500, 12_000);
    client.world.scheduler.after(stayMs, 'stream ends', end);
  },
};
