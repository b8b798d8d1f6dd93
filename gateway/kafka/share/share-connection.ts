/**
 * Share connection: the share sessions that a connection has begun, and its members. When it ends they end, as with Kafka. Other
 * connections of the same gateway may go on with a session meanwhile: clients acknowledge by one and fetch by another.
 */

import { randomUUID } from 'node:crypto';
import type { BrokerClient } from '../broker/broker-client.ts';
import { acknowledge } from './share-calls.ts';
import type { ShareMembers } from './share-members.ts';
import { SHARE_SESSIONS_MAX, ShareSession } from './share-session.ts';

/** Of all connections of a gateway, by namespace, group and member. */
export type ShareSessions = Map<string, { session: ShareSession; begunBy: ShareConnection }>;

export class ShareConnection {
  /** Tells its locks from those of the same member by another connection. */
  readonly #id = randomUUID();
  readonly #sessions: ShareSessions;
  readonly #begun = new Map<string, ShareSession>();
  readonly #members = new Map<string, { group: string; memberId: string }>();

  constructor(sessions: ShareSessions) {
    this.#sessions = sessions;
  }

  get(namespace: string, group: string, memberId: string): ShareSession | null {
    return this.#sessions.get(keyOf(namespace, group, memberId))?.session ?? null;
  }

  /** Begins a session, also where another connection has one of the same member. Null: there are too many. */
  begin(namespace: string, group: string, memberId: string): ShareSession | null {
    const key = keyOf(namespace, group, memberId);
    if (!this.#begun.has(key) && this.#begun.size >= SHARE_SESSIONS_MAX) return null;
    const session = new ShareSession(group, memberId, `${this.#id}/${memberId}`);
    this.#begun.set(key, session);
    this.#sessions.set(key, { session, begunBy: this });
    return session;
  }

  /** Ends a session, which another connection may have begun: what it holds is free for others. */
  async close(client: BrokerClient, ended: ShareSession): Promise<void> {
    const key = keyOf(client.namespace, ended.group, ended.memberId);
    const known = this.#sessions.get(key);
    if (known?.session === ended) {
      this.#sessions.delete(key);
      known.begunBy.#begun.delete(key);
    }
    await release(client, ended);
  }

  noteMember(group: string, memberId: string): void {
    this.#members.set(`${group}\0${memberId}`, { group, memberId });
  }

  forgetMember(group: string, memberId: string): void {
    this.#members.delete(`${group}\0${memberId}`);
  }

  /** Never rejects: what cannot be released is free when its lock ends. */
  async end(client: BrokerClient, members: ShareMembers): Promise<void> {
    for (const { group, memberId } of this.#members.values())
      members.leaveWith(this, client.namespace, group, memberId);
    this.#members.clear();
    const begun = [...this.#begun.values()];
    this.#begun.clear();
    await Promise.all(begun.map((one) => this.close(client, one).catch(() => {})));
  }
}

/** Releases what a session holds, now that it has ended. */
export async function release({ transport }: BrokerClient, ended: ShareSession): Promise<void> {
  ended.hasEnded = true;
  const places = ended.touched.map((place) => ({ place, ranges: [], isLeaving: true }));
  await acknowledge(transport, ended, places);
}

const keyOf = (namespace: string, group: string, memberId: string): string =>
  `${namespace}\0${group}\0${memberId}`;
