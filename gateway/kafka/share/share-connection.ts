/** Share connection: the share sessions and the members of one connection. When it ends they end, as with Kafka. */

import { randomUUID } from 'node:crypto';
import type { BrokerClient } from '../broker/broker-client.ts';
import { acknowledge } from './share-calls.ts';
import type { ShareMembers } from './share-members.ts';
import { SHARE_SESSIONS_MAX, ShareSession } from './share-session.ts';

export class ShareConnection {
  /** Tells its locks from those of the same member by another connection. */
  readonly #id = randomUUID();
  readonly #sessions = new Map<string, ShareSession>();
  readonly #members = new Map<string, { group: string; memberId: string }>();

  get(group: string, memberId: string): ShareSession | null {
    return this.#sessions.get(keyOf(group, memberId)) ?? null;
  }

  /** Begins a session. Null: there are too many. */
  begin(group: string, memberId: string): ShareSession | null {
    const isNew = this.get(group, memberId) === null;
    if (isNew && this.#sessions.size >= SHARE_SESSIONS_MAX) return null;
    const session = new ShareSession(group, memberId, `${this.#id}/${memberId}`);
    this.#sessions.set(keyOf(group, memberId), session);
    return session;
  }

  /** Ends a session: what it holds is free for others. */
  async close({ transport }: BrokerClient, ended: ShareSession): Promise<void> {
    this.#sessions.delete(keyOf(ended.group, ended.memberId));
    const places = ended.touched.map((place) => ({ place, ranges: [], isLeaving: true }));
    await acknowledge(transport, ended, places);
  }

  noteMember(group: string, memberId: string): void {
    this.#members.set(keyOf(group, memberId), { group, memberId });
  }

  forgetMember(group: string, memberId: string): void {
    this.#members.delete(keyOf(group, memberId));
  }

  /** Never rejects: what cannot be released is free when its lock ends. */
  async end(client: BrokerClient, members: ShareMembers): Promise<void> {
    for (const { group, memberId } of this.#members.values())
      members.leaveWith(this, client.namespace, group, memberId);
    this.#members.clear();
    const closed = [...this.#sessions.values()].map((one) => this.close(client, one).catch(() => {}));
    await Promise.all(closed);
  }
}

const keyOf = (group: string, memberId: string): string => `${group}\0${memberId}`;
