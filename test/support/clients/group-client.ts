/** Group client of the tests: calls consumer groups over HTTP. */

import type { ProblemDocument } from '../../../protocol/errors.ts';
import type {
  Committed,
  GroupOffsetReply,
  GroupRecords,
  GroupState,
  MemberReply,
  ResetReply,
} from '../../../protocol/schemas/groups.ts';
import type { Reply, TestBroker } from '../broker/test-broker.ts';

type Refusable<Body> = Reply<Body & Partial<ProblemDocument>>;

export class GroupClient {
  readonly #broker: () => TestBroker;
  readonly path: string;

  constructor(broker: () => TestBroker, group: string) {
    this.#broker = broker;
    this.path = `/v1/default/groups/${group}`;
  }

  join(fields: object): Promise<Refusable<MemberReply>> {
    return this.#broker().call('POST', `${this.path}/members`, fields);
  }

  /** Joins, and gives the reply. */
  async joined(fields: object): Promise<MemberReply> {
    const { status, body } = await this.join(fields);
    if (status !== 201) throw new Error(`joining is answered by ${status}: ${body.detail}`);
    return body;
  }

  beat({ member_id, epoch }: MemberReply, fields: object = {}): Promise<Refusable<MemberReply>> {
    return this.#broker().call('POST', `${this.path}/members/${member_id}/heartbeat`, { epoch, ...fields });
  }

  poll({ member_id }: MemberReply, query = '', signal?: AbortSignal): Promise<Refusable<GroupRecords>> {
    return this.#broker().call(
      'GET',
      `${this.path}/members/${member_id}/records?${query}`,
      undefined,
      {},
      signal,
    );
  }

  read({ member_id, epoch }: MemberReply, fields: object): Promise<Refusable<GroupRecords>> {
    return this.#broker().call('POST', `${this.path}/members/${member_id}/records`, { epoch, ...fields });
  }

  commit(
    { member_id, epoch }: MemberReply,
    offsets: readonly {
      topic: string;
      topic_id?: number;
      partition: number;
      offset: number;
      metadata?: string;
    }[],
  ): Promise<Refusable<Committed>> {
    return this.#broker().call('POST', `${this.path}/offsets`, { member_id, epoch, offsets });
  }

  async offsets(query = ''): Promise<GroupOffsetReply[]> {
    const reply = await this.#broker().call<{ offsets: GroupOffsetReply[] }>(
      'GET',
      `${this.path}/offsets?${query}`,
    );
    return reply.body.offsets;
  }

  reset(fields: object): Promise<Refusable<ResetReply>> {
    return this.#broker().call('PUT', `${this.path}/offsets`, fields);
  }

  leave({ member_id }: MemberReply): Promise<Refusable<{ member_id: string }>> {
    return this.#broker().call('DELETE', `${this.path}/members/${member_id}`);
  }

  describe(): Promise<Refusable<GroupState>> {
    return this.#broker().call('GET', this.path);
  }

  delete(): Promise<Refusable<{ group: string }>> {
    return this.#broker().call('DELETE', this.path);
  }

  /** Takes the group's object out of memory. */
  async evict(): Promise<void> {
    const { namespace } = this.#broker();
    await this.#broker().evictObject('Group', `${namespace}/${this.path.split('/').at(-1)}`);
  }
}

export const partitionsOf = ({ assignment }: MemberReply): number[] =>
  assignment.map(({ partition }) => partition);
