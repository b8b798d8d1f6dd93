/** The end of a run: nothing fails any more, all that waits comes to its end, and everything is read once more. */

import type { Fetched } from '../history.ts';
import type { Client } from './client.ts';
import { readAsCrew } from './crew.ts';
import { readAsGroup } from './groups.ts';
import { readHastily } from './hasty.ts';
import { describePartition, growFully } from './kept-records.ts';
import { readOnce } from './logs.ts';
import { describe, settleOnce, takeOnce } from './queues.ts';
import { finishPushes, hasPushes } from './push/pushes.ts';
import { PUSHED } from './push/push-topology.ts';
import { waitForRecords } from './long-polls.ts';
import { bearAgain } from './reborn.ts';
import { drainShared } from './share-groups.ts';
import { compareBucket, isTiered, TIERED } from './tiered.ts';
import { transformAll } from './transform.ts';
import { endSchedule, resumeSchedule } from './schedules.ts';
import { hasMarkers, insist, TOPICS } from './topology.ts';

/** Longer than any message is under way, any lease runs, and any retry waits, in ms. */
const REST_MS = 400_000;
const IDLE_MS = 3_700_000;
const ROUNDS_MAX = 40;

export async function comeToRest(client: Client): Promise<void> {
  await client.sleep(REST_MS);
  await resumeSchedule(client);
  await client.world.runCrons(1);
  await makeRoom(client);
  // Afterwards the watchdog knows that transactional ids are idle, and need not come by to each at each of its runs.
  await client.sleep(IDLE_MS);
  await client.world.runCronsOfADay();
  await insist(client, 'POST', '/queues/bin/resume');
  await finishPushes(client);
  await bearAgain(client);
  await waitForRecords(client);
  await growFully(client);
  await drainShared(client);
  await makeRoom(client);
  await transformAll(client);
  await endSchedule(client);
  await drainQueues(client);
  await readAsGroup(client);
  await readAsCrew(client);
  await readHastily(client);
  await describePartition(client, 'small', 0, true);
  await readPushed(client);
  compareBucket(client);
  if (isTiered(client)) await readAll(client, TIERED, 0, 'read_uncommitted');
  for (const [topic, { partitions }] of Object.entries(TOPICS)) {
    for (let partition = 0; partition < partitions; partition++) {
      await readAll(client, topic, partition, 'read_uncommitted');
      if (hasMarkers(topic)) await readAll(client, topic, partition, 'read_committed');
    }
  }
}

/** Committed messages wait for room in the queue that may be full, and with them the end of their transactions. */
async function makeRoom(client: Client): Promise<void> {
  for (let quiet = 0; quiet < 3;) {
    const taken = await takeAll(client, 'full');
    quiet = taken === 0 ? quiet + 1 : 0;
    await client.sleep(6_000);
  }
}

async function readPushed(client: Client): Promise<void> {
  if (!hasPushes(client)) return;
  for (let partition = 0; partition < PUSHED.partitions; partition++)
    await readAll(client, PUSHED.topic, partition, 'read_uncommitted');
}

async function readAll(
  client: Client,
  topic: string,
  partition: number,
  isolation: Fetched['isolation'],
): Promise<void> {
  let from: number | null = null;
  for (;;) {
    const read = await readOnce(client, topic, partition, from, 1_000, 0, true, isolation);
    if (read === null) throw new Error(`topic ${topic} cannot be read at rest`);
    if (read.next === from || read.next === read.high) return;
    from = read.next;
  }
}

/** Takes and acknowledges until nothing is left; what still waits for its time is waited for. */
async function drainQueues(client: Client): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { queues } = (await insist(client, 'GET', '/queues')) as { queues: { queue: string }[] };
    let isEmpty = true;
    for (const { queue } of queues) {
      if ((await takeAll(client, queue)) > 0) isEmpty = false;
      const isLast = round === ROUNDS_MAX - 1;
      const state = await describe(client, queue, isLast);
      if (state === null || state.ready + state.leased + state.parked + state.outgoing > 0) isEmpty = false;
    }
    if (isEmpty) return;
    await client.sleep(20_000);
  }
}

/** Takes and acknowledges what is ready. @returns how many there were */
async function takeAll(client: Client, queue: string): Promise<number> {
  for (let count = 0; ;) {
    const taken = await takeOnce(client, queue, 100, 60_000, 0, false, true);
    if (taken === null) throw new Error(`queue ${queue} cannot be read at rest`);
    if (taken.deliveries.length === 0) return count;
    count += taken.deliveries.length;
    const held = taken.deliveries.map(({ tag, id }) => ({ queue, tag, id }));
    const kinds = held.map(() => 'ack' as const);
    await settleOnce(client, queue, held, kinds, client.world.scheduler.random);
  }
}
