/** A topic that a share group works through while the broker dies: each record is locked by one member until it is accepted. */

import type {
  AcknowledgedReply,
  AcquiredRecord,
  ShareGroupState,
} from '../../../protocol/schemas/share-groups.ts';
import type { ProduceReply } from '../../../protocol/schemas/records.ts';
import { ask, pause, put, RETRY_MS } from '../http.ts';
import type { Load } from './load.ts';
import type { OnceLedger } from '../ledgers/once-ledger.ts';
import type { Random } from '../random.ts';

const TOPIC = 'crash-shared';
const GROUP = 'crash-workers';
const PARTITIONS = 2;
const BATCH_MAX = 20;
/** Locks end soon after a crash that took their member's answer with it. */
const LOCK_MS = 1_000;
const FEED_MS = 10;
const REST_MS_MAX = 60_000;

/** Of each hundred records so many are accepted, released and rejected; the rest is left to its lock. */
const ACCEPTED = 85;
const RELEASED = 8;
const REJECTED = 3;

export async function declareShareLoad(namespaceUrl: string): Promise<void> {
  await put(`${namespaceUrl}/topics/${TOPIC}`, { partitions: PARTITIONS });
  await put(`${namespaceUrl}/share-groups/${GROUP}`, {
    topics: [TOPIC],
    lock_duration_ms: LOCK_MS,
    delivery_limit: 100,
  });
}

export function startShareLoad(
  namespaceUrl: string,
  options: { members: number; name: string; random: Random; ledger: OnceLedger },
): Load {
  let isOver = false;
  const { ledger, name } = options;
  const feed = async (random: Random): Promise<void> => {
    for (let request = 0; !isOver; request++) {
      const ids = Array.from(
        { length: Math.ceil(random() * BATCH_MAX) },
        (_, n) => `${name}-${request}-${n}`,
      );
      for (const id of ids) ledger.sent(id);
      const records = ids.map((id) => ({ key: id, value: id }));
      const reply = await ask<ProduceReply>('POST', `${namespaceUrl}/topics/${TOPIC}/records`, { records });
      if (reply?.status === 200) for (const id of ids) ledger.stored(id);
      await pause(FEED_MS);
    }
  };
  const member = async (id: string, random: Random): Promise<void> => {
    while (!isOver) {
      const isAny = await work(namespaceUrl, id, ledger, () => random() * 100);
      if (!isAny) await pause(RETRY_MS);
    }
  };
  const all = [
    feed(options.random.fork()),
    ...Array.from({ length: options.members }, (_, n) => member(`${name}-${n}`, options.random.fork())),
  ];
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(all);
    },
  };
}

/** Accepts what is left, until the group has done with everything. */
export async function acceptRest(namespaceUrl: string, ledger: OnceLedger): Promise<void> {
  const endMs = Date.now() + REST_MS_MAX;
  for (;;) {
    if (await work(namespaceUrl, 'last', ledger, () => 0)) continue;
    const state = await ask<ShareGroupState>('GET', `${namespaceUrl}/share-groups/${GROUP}`);
    if (state?.status === 200 && state.body.partitions.every(({ lag }) => lag === 0)) return;
    if (Date.now() > endMs)
      throw new Error(`the share group does not come to the end: ${JSON.stringify(state)}`);
    await pause(RETRY_MS);
  }
}

/** Acquires records and acknowledges them. False if there were none. */
async function work(
  namespaceUrl: string,
  member: string,
  ledger: OnceLedger,
  roll: () => number,
): Promise<boolean> {
  const path = `${namespaceUrl}/share-groups/${GROUP}`;
  const askedMs = performance.now();
  const acquire = { member_id: member, max_records: 50 };
  const acquired = await ask<{ records: AcquiredRecord[] }>('POST', `${path}/records`, acquire);
  if (acquired?.status !== 200 || acquired.body.records.length === 0) return false;
  const ids = new Map<string, string>();
  const tags: Record<'accept' | 'release' | 'reject', string[]> = { accept: [], release: [], reject: [] };
  for (const { value, acquisition_tag: tag } of acquired.body.records) {
    const id = value as string;
    ledger.delivered(id, askedMs);
    ids.set(tag, id);
    const rolled = roll();
    if (rolled < ACCEPTED) tags.accept.push(tag);
    else if (rolled < ACCEPTED + RELEASED) tags.release.push(tag);
    else if (rolled < ACCEPTED + RELEASED + REJECTED) tags.reject.push(tag);
  }
  if (Object.values(tags).every((list) => list.length === 0)) return true;
  const reply = await ask<AcknowledgedReply>('POST', `${path}/acknowledgements`, {
    ...tags,
    member_id: member,
  });
  if (reply?.status === 200) {
    const nowMs = performance.now();
    for (const { tag, outcome } of reply.body.results) {
      if (outcome === 'accepted' || outcome === 'archived') ledger.done(ids.get(tag)!, nowMs);
    }
  } else {
    for (const tag of [...tags.accept, ...tags.reject]) ledger.perhapsDone(ids.get(tag)!);
  }
  return true;
}
