/** Group requests: the calls of a member to the broker. Each makes one attempt. */

import { decodeGroupFrame, type GroupFrame } from '../../protocol/frames/group-frame.ts';
import type { IdentifiedPartition, MemberReply, NamedOffset } from '../../protocol/schemas/groups.ts';
import { GROUP_RECORDS_TYPE } from '../../protocol/headers/media-types.ts';
import { PADDED, withoutPadding } from '../../protocol/frames/padding.ts';
import { jsonBody, jsonOf, type HttpCall, type Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { groupPath, memberPath } from '../client/names.ts';
import { wireCommit, type OffsetToCommit } from '../values/offset-to-commit.ts';
import type { GroupConsumerConfig } from './options.ts';

export class GroupRequests {
  readonly #transport: Transport;
  readonly #config: GroupConsumerConfig;
  /** A heartbeat that takes longer is of no use. */
  readonly #beatTimeoutMs: number;

  constructor(transport: Transport, config: GroupConsumerConfig) {
    this.#transport = transport;
    this.#config = config;
    this.#beatTimeoutMs = Math.min(transport.config.timeoutMs, config.sessionTimeoutMs / 2);
  }

  async join(signal: AbortSignal): Promise<MemberReply> {
    const { topics, topicPattern, assignor, instanceId, sessionTimeoutMs, rack, autoOffsetReset } =
      this.#config;
    const fields = {
      ...(topics?.length && { topics }),
      topic_pattern: topicPattern,
      assignor,
      instance_id: instanceId,
      session_timeout_ms: sessionTimeoutMs,
      rack,
      auto_offset_reset: autoOffsetReset,
    };
    return await this.#post<MemberReply>(`${groupPath(this.#config.group)}/members`, fields, { signal });
  }

  async heartbeat(
    memberId: string,
    fields: { epoch: number; partitions: readonly IdentifiedPartition[] },
    signal: AbortSignal,
  ): Promise<MemberReply> {
    const call = { signal, timeoutMs: this.#beatTimeoutMs };
    return await this.#post<MemberReply>(
      `${memberPath(this.#config.group, memberId)}/heartbeat`,
      fields,
      call,
    );
  }

  async fetch(
    memberId: string,
    fields: {
      epoch: number;
      partitions: readonly IdentifiedPartition[];
      positions: readonly NamedOffset[];
    },
    signal: AbortSignal,
  ): Promise<GroupFrame> {
    const { fetchBytes, waitMs, isolation, group } = this.#config;
    const { headers, body } = jsonBody({ ...fields, max_bytes: fetchBytes, wait_ms: waitMs, isolation });
    const { bytes } = await this.#transport.call({
      method: 'POST',
      path: `${memberPath(group, memberId)}/records`,
      headers: { ...headers, accept: GROUP_RECORDS_TYPE + PADDED },
      body: body!,
      signal,
      timeoutMs: this.#transport.config.timeoutMs + waitMs,
    });
    try {
      return decodeGroupFrame(withoutPadding(bytes));
    } catch (cause) {
      throw new PosthornError('unexpected_reply', 'the records cannot be read', { cause });
    }
  }

  async commit(
    memberId: string,
    epoch: number,
    offsets: readonly OffsetToCommit[],
    signal: AbortSignal,
  ): Promise<void> {
    const fields = { member_id: memberId, epoch, offsets: offsets.map(wireCommit) };
    await this.#post(`${groupPath(this.#config.group)}/offsets`, fields, { signal });
  }

  async leave(memberId: string, signal: AbortSignal): Promise<void> {
    const path = memberPath(this.#config.group, memberId);
    await this.#transport.delete({ path, signal }, 'member_not_found');
  }

  async #post<Reply>(path: string, fields: object, call: Partial<HttpCall>): Promise<Reply> {
    return jsonOf<Reply>(await this.#transport.call({ ...call, method: 'POST', path, ...jsonBody(fields) }));
  }
}
