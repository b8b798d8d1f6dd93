/** Administration of groups: list, describe, offsets, reset, remove a member, delete. */

import type { GroupList, GroupOffsets, GroupState as WireGroupState } from '../../protocol/schemas/groups.ts';
import type { ConsumerMemberReply as WireConsumerMemberReply } from '../../protocol/schemas/consumer-members.ts';
import type { AssignorName } from '../../protocol/assignors.ts';
import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import { checkName, groupPath, memberPath } from '../client/names.ts';
import { callClassic, type ClassicReply, type ClassicRequest, type ClassicState } from './classic-groups.ts';
import type { ConsumerMember, ConsumerMemberReply } from './consumer-members.ts';
import type { StartPosition } from '../values/start-position.ts';
import { resetOffsets } from './reset-offsets.ts';
import { fromWire, toWire } from '../client/wire.ts';
import type { AssignedPartition } from '../values/assigned-partition.ts';
import type { TopicPartition } from '../values/topic-partition.ts';

export interface GroupMember {
  memberId: string;
  instanceId: string | null;
  topics: string[];
  topicPattern: string | null;
  assignor: AssignorName;
  rack: string | null;
  sessionTimeoutMs: number;
  /** What it calls itself, if it has said so. */
  clientId?: string;
  clientHost?: string;
  assignment: AssignedPartition[];
  /** Revoked partitions that it still holds. */
  revoking: AssignedPartition[];
}

export interface GroupOffset extends TopicPartition {
  /** The topic that the offset belongs to. */
  topicId: number;
  /** The committed offset; null if nothing is committed. */
  offset: number | null;
  metadata?: string;
  /** As the commit said: Kafka's clients say which leader they have read from. */
  leaderEpoch?: number;
  /** Records from the committed offset, or the start of the log, to its end. */
  lag: number;
  logStartOffset: number;
  highWatermark: number;
}

export interface GroupDescription {
  group: string;
  /** `reconciling`: partitions are changing hands. */
  state: 'empty' | 'stable' | 'reconciling';
  /** The number of changes. */
  epoch: number;
  assignor: AssignorName;
  members: GroupMember[];
  /** The members, if they assign partitions themselves. */
  classic?: ClassicState;
  offsets: GroupOffset[];
}

/** Where to: a position, or so many records forward, or back if negative. `none`: the group forgets what it has committed. */
export type OffsetReset = ({ to: StartPosition | 'none' } | { shiftBy: number }) & {
  topic: string;
  /** Refused if the topic was deleted and made again since. */
  topicId?: number;
  /** Default: all. */
  partitions?: readonly number[];
  /** Only report what the call would do. */
  dryRun?: boolean;
};

export interface OffsetResetResult extends AssignedPartition {
  from: number | null;
  /** The result, moved into the range of the log. */
  to: number | null;
}

/** All calls retry temporary failures, and throw `PosthornError`: `group_not_found`, and those named below. */
export class Groups {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The names of all groups of the namespace. */
  async list(options: CallOptions = {}): Promise<string[]> {
    const groups = await listAll(this.#transport, '/groups', (page: GroupList) => page.groups, options);
    return groups.map(({ group }) => group);
  }

  /** Its members, who reads what, and how far behind it is. */
  async describe(group: string, options: CallOptions = {}): Promise<GroupDescription> {
    const call = { method: 'GET', path: groupPath(group), ...options } as const;
    const {
      members,
      offsets,
      offsets_next: next,
      classic,
      ...state
    } = await this.#transport.json<WireGroupState>(call);
    const others = next === undefined ? [] : await this.#offsets(group, {}, { ...options, after: next });
    return {
      ...fromWire<Omit<GroupDescription, 'members' | 'offsets' | 'classic'>>(state),
      ...(classic && {
        classic: {
          ...fromWire<ClassicState>(classic),
          members: classic.members.map((member) => fromWire<ClassicState['members'][number]>(member)),
        },
      }),
      members: members.map(({ assignment, revoking, ...member }) => ({
        ...fromWire<Omit<GroupMember, 'assignment' | 'revoking'>>(member),
        assignment: assignment.map((place) => fromWire<AssignedPartition>(place)),
        revoking: revoking.map((place) => fromWire<AssignedPartition>(place)),
      })),
      offsets: [...offsets.map((offset) => fromWire<GroupOffset>(offset)), ...others],
    };
  }

  /** Committed offsets and lag, of one topic or partitions with some numbers, or by default of all that the group reads or has read. */
  async offsets(
    group: string,
    { topic, partitions, ...options }: CallOptions & { topic?: string; partitions?: readonly number[] } = {},
  ): Promise<GroupOffset[]> {
    const query = { topic: topic && checkName('topic', topic), partitions: partitions?.join() };
    return await this.#offsets(group, query, options);
  }

  /**
   * Moves the committed offsets of a group without members. If the group does not exist, the call creates it, so that
   * its first member begins there.
   *
   * @throws PosthornError `group_not_empty`, `topic_not_found`, `partition_not_found`, `inconsistent_topic_id`
   * @example await posthorn.groups.reset('billing', { topic: 'orders', to: new Date('2026-01-01'), dryRun: true });
   */
  async reset(group: string, reset: OffsetReset, options: CallOptions = {}): Promise<OffsetResetResult[]> {
    return await resetOffsets(this.#transport, groupPath(group), reset, options);
  }

  /**
   * Takes part in a group whose members assign partitions themselves (Kafka's classic protocol). A join waits for the other members, a sync
   * for the leader: give a `timeoutMs` above the rebalance timeout.
   *
   * @throws PosthornError `member_id_required`, `rebalance_in_progress`, `inconsistent_protocol`, `member_not_found`, `stale_epoch`
   */
  async classic(group: string, request: ClassicRequest, options: CallOptions = {}): Promise<ClassicReply> {
    return await callClassic(this.#transport, group, request, options);
  }

  /**
   * Takes part in a group by one kind of request (Kafka's consumer protocol, KIP-848): joins, reports, changes what it reads, leaves.
   *
   * @throws PosthornError `member_not_found`, `stale_epoch`, `instance_fenced`, `instance_in_use`
   */
  async member(
    group: string,
    { partitions, ...member }: ConsumerMember,
    options: CallOptions = {},
  ): Promise<ConsumerMemberReply> {
    const fields = { ...toWire(member), partitions: partitions?.map(toWire) };
    const call = {
      method: 'POST',
      path: `${groupPath(group)}/consumer`,
      ...jsonBody(fields),
      ...options,
    } as const;
    const { assignment, ...reply } = await this.#transport.json<WireConsumerMemberReply>(call);
    return {
      ...fromWire<ConsumerMemberReply>(reply),
      ...(assignment && { assignment: assignment.map((place) => fromWire<AssignedPartition>(place)) }),
    };
  }

  /** Removes a member. Its partitions go to others, and it can no longer commit. A running consumer joins again. */
  async removeMember(group: string, memberId: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: memberPath(group, memberId), ...options }, 'member_not_found');
  }

  /**
   * Deletes a group without members, and its offsets.
   *
   * @throws PosthornError `group_not_empty`
   */
  async delete(group: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: groupPath(group), ...options }, 'group_not_found');
  }

  async #offsets(
    group: string,
    query: Record<string, string | undefined>,
    options: CallOptions & { after?: string },
  ): Promise<GroupOffset[]> {
    const itemsOf = (page: GroupOffsets) => page.offsets;
    const path = `${groupPath(group)}/offsets`;
    const offsets = await listAll(this.#transport, path, itemsOf, { ...options, query });
    return offsets.map((offset) => fromWire<GroupOffset>(offset));
  }
}
