/** Members of a consumer group that join, read, commit and leave while the broker dies; and one that reads the rest. */

import type {
  Committed,
  GroupOffsetReply,
  GroupRecords,
  MemberReply,
} from '../../../protocol/schemas/groups.ts';
import type { GroupLedger } from '../ledgers/group-ledger.ts';
import { ask, pause, RETRY_MS } from '../http.ts';
import type { Load } from './load.ts';
import type { Random } from '../random.ts';

const GROUP = 'crash-readers';
const POLL_RECORDS_MAX = 500;
/** Members that a crash has taken out of the game are removed soon. */
const SESSION_MS = 2_000;
const REST_MS_MAX = 60_000;

export function startGroupLoad(
  namespaceUrl: string,
  options: { topic: string; members: number; random: Random; ledger: GroupLedger },
): Load {
  let isOver = false;
  const { topic, ledger } = options;
  const life = async (random: Random): Promise<void> => {
    while (!isOver) {
      const member = await Member.join(namespaceUrl, topic, ledger);
      if (!member) {
        await pause(RETRY_MS);
        continue;
      }
      // Some leave in good order after a while, and come back as somebody else.
      for (let polls = Math.ceil(random() * 100); polls > 0 && !isOver && member.isMember; polls--) {
        const isAny = await member.poll(random() < 0.9);
        if (!isAny) await pause(RETRY_MS);
      }
      await member.leave();
    }
  };
  const lives = Array.from({ length: options.members }, () => life(options.random.fork()));
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(lives);
    },
  };
}

/** Reads and commits what is left. Gives what the group has committed then, which is everything. */
export async function readRest(
  namespaceUrl: string,
  topic: string,
  ledger: GroupLedger,
): Promise<GroupOffsetReply[]> {
  const endMs = Date.now() + REST_MS_MAX;
  let member: Member | null = null;
  for (;;) {
    if (!member?.isMember) member = await Member.join(namespaceUrl, topic, ledger);
    const isAny = await member?.poll(true);
    if (isAny) continue;
    const offsets = await committedOffsets(namespaceUrl);
    if (offsets.length > 0 && offsets.every(({ lag }) => lag === 0)) {
      await member?.leave();
      return offsets;
    }
    if (Date.now() > endMs) throw new Error(`the group does not come to the end: ${JSON.stringify(offsets)}`);
    await pause(RETRY_MS);
  }
}

export async function committedOffsets(namespaceUrl: string): Promise<GroupOffsetReply[]> {
  const path = `${namespaceUrl}/groups/${GROUP}/offsets`;
  const reply = await ask<{ offsets: GroupOffsetReply[] }>('GET', path);
  if (reply?.status !== 200) throw new Error(`the offsets cannot be read: ${JSON.stringify(reply)}`);
  return reply.body.offsets;
}

class Member {
  readonly #path: string;
  readonly #ledger: GroupLedger;
  #last: MemberReply;
  isMember = true;

  private constructor(path: string, ledger: GroupLedger, joined: MemberReply) {
    this.#path = path;
    this.#ledger = ledger;
    this.#last = joined;
    this.#learn(joined);
  }

  static async join(namespaceUrl: string, topic: string, ledger: GroupLedger): Promise<Member | null> {
    const path = `${namespaceUrl}/groups/${GROUP}`;
    const fields = { topics: [topic], session_timeout_ms: SESSION_MS };
    const reply = await ask<MemberReply>('POST', `${path}/members`, fields);
    return reply?.status === 201 ? new Member(path, ledger, reply.body) : null;
  }

  /** Reads, and commits what it has read. False if there was nothing. */
  async poll(isCommitting: boolean): Promise<boolean> {
    const path = `${this.#path}/members/${this.#last.member_id}/records?max_records=${POLL_RECORDS_MAX}`;
    const reply = await ask<GroupRecords>('GET', path);
    if (reply === null) return false;
    // It was too late, or was removed: it joins again, as somebody else.
    if (reply.status !== 200) {
      this.isMember = reply.status === 409;
      return false;
    }
    const { records, offsets } = reply.body;
    this.#learn(reply.body);
    for (const { partition, offset } of records) this.#ledger.read(partition, offset);
    if (records.length === 0 || !isCommitting) return records.length > 0;
    this.#ledger.asked(offsets);
    const { member_id, epoch } = this.#last;
    const committed = await ask<Committed>('POST', `${this.#path}/offsets`, { member_id, epoch, offsets });
    if (committed?.status === 200) this.#ledger.acknowledged(committed.body.offsets);
    return true;
  }

  async leave(): Promise<void> {
    if (this.isMember) await ask('DELETE', `${this.#path}/members/${this.#last.member_id}`);
  }

  #learn(reply: MemberReply): void {
    this.#last = reply;
    const partitions = reply.assignment.map(({ partition }) => partition);
    this.#ledger.assigned(reply.member_id, reply.epoch, partitions);
  }
}
