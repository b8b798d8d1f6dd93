/** Share groups: many members on one partition, each record locked by one of them until it is acknowledged. */

import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { checkName } from '../client/names.ts';
import { jsonBody, jsonOf, type Transport } from '../client/transport.ts';
import { fromWire, toWire } from '../client/wire.ts';
import type { AssignedPartition } from '../values/assigned-partition.ts';
import type { StartPosition } from '../values/start-position.ts';
import { resetOffsets } from './reset-offsets.ts';
import type { JsonValue } from '../../protocol/json/json-text.ts';

export interface ShareGroupDeclaration {
  /** They have to exist. */
  topics: string[];
  /** For how long an acquired record is nobody else's, in ms. */
  lockDurationMs?: number;
  /** A record that was acquired this often and not accepted is archived. */
  deliveryLimit?: number;
  /** The target of copies of archived records. Default: the queue `<group>.dlq`. */
  deadLetter?: { queue: string } | { topic: string } | 'none';
  /** Where a partition begins, with the first call for records. Default `earliest`. */
  start?: 'earliest' | 'latest';
}

export interface ShareGroup extends Required<ShareGroupDeclaration> {
  /** Its name. */
  shareGroup: string;
  /** Likely mistakes. */
  warnings?: string[];
}

export interface SharePartition {
  topic: string;
  partition: number;
  /** Everything before it is done. */
  startOffset: number;
  /** Nothing from it on has been handed out. */
  endOffset: number;
  /** Records that a member has locked. */
  inFlight: number;
  /** Records that were handed out before and wait for a member. */
  available: number;
  /** Records given up so far. */
  archived: number;
  /** Records that are not done. */
  lag: number;
  deadLettersWaiting: number;
}

export interface ShareReset {
  topic: string;
  /** Refused if the topic was deleted and made again since. */
  topicId?: number;
  /** Default: all. */
  partitions?: readonly number[];
  to: StartPosition | 'none';
  /** Only report what the call would do. */
  dryRun?: boolean;
}

export interface ShareResetResult extends AssignedPartition {
  /** The start offset before; null: the group had not begun. */
  from: number | null;
  /** Moved into the range of the log; null: the group begins anew. */
  to: number | null;
}

export interface AcquireOptions {
  /** Over all partitions. Default 500. */
  maxRecords?: number;
  maxBytes?: number;
  /** How long to wait if there are none, in ms. Default 0. */
  waitMs?: number;
  /** Instead of the group's. */
  lockDurationMs?: number;
  /** `at-most-once`: accepted before they leave. Default `at-least-once`. */
  delivery?: 'at-most-once' | 'at-least-once';
}

export interface AcquiredRecord {
  topic: string;
  partition: number;
  offset: number;
  timestamp: number;
  /** Text; bytes that are none as `{ $base64 }`. */
  key: JsonValue;
  value: JsonValue;
  headers?: Readonly<Record<string, JsonValue>>;
  /** What acknowledges it. */
  acquisitionTag: string;
  /** From 1. */
  deliveryCount: number;
  /** In ms since 1970; null if it is accepted already. */
  lockExpiresAt: number | null;
}

/** Tags of acquired records, by what is to become of them. */
export interface Acknowledgements {
  /** Done. */
  accept?: string[];
  /** Given back, for any member. */
  release?: string[];
  /** Archived now. */
  reject?: string[];
  /** Locked for this long from now, in ms. */
  extend?: { tag: string; lockDurationMs: number }[];
  /** Only records of this member. */
  memberId?: string;
}

export interface AcknowledgedRecord {
  tag: string;
  outcome:
    | 'accepted'
    | 'released'
    | 'archived'
    | 'extended'
    | 'already_done'
    | 'lock_expired'
    | 'not_yours'
    | 'unknown_tag';
}

/**
 * Calls that can be repeated retry temporary failures. All throw `PosthornError`: `invalid_argument`, `invalid_field`,
 * `share_group_not_found`, `connection_failed`, `timeout`, `aborted`, and those named below.
 */
export class ShareGroups {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the group, or replaces its settings.
   *
   * @throws PosthornError `topic_not_found`, `queue_not_found`, `too_many_share_groups`
   * @example await posthorn.shareGroups.put('thumbnails', { topics: ['uploads'], deliveryLimit: 3 });
   */
  async put(
    group: string,
    declaration: ShareGroupDeclaration,
    options: CallOptions = {},
  ): Promise<ShareGroup> {
    const call = {
      method: 'PUT',
      path: pathOf(group),
      ...jsonBody(toWire(declaration)),
      ...options,
    } as const;
    return fromWire(await this.#transport.json<object>(call));
  }

  /** All share groups of the namespace, by name. */
  async list(options: CallOptions = {}): Promise<ShareGroup[]> {
    const itemsOf = (page: { share_groups: object[]; next?: string }): object[] => page.share_groups;
    const all = await listAll(this.#transport, '/share-groups', itemsOf, options);
    return all.map((group) => fromWire<ShareGroup>(group));
  }

  /** Its settings, and how far it is in each partition. */
  async describe(
    group: string,
    options: CallOptions = {},
  ): Promise<ShareGroup & { partitions: SharePartition[] }> {
    const call = { method: 'GET', path: pathOf(group), ...options } as const;
    const { partitions, ...rest } = await this.#transport.json<{ partitions: object[] }>(call);
    return {
      ...fromWire<ShareGroup>(rest),
      partitions: partitions.map((partition) => fromWire<SharePartition>(partition)),
    };
  }

  /**
   * Sets where the group goes on in partitions of a topic. Records that members have locked there are free for all. `none`: the group
   * begins anew, as `start` says.
   *
   * @throws PosthornError `partition_not_found`, `inconsistent_topic_id`
   * @example await posthorn.shareGroups.reset('thumbnails', { topic: 'uploads', to: 'earliest' });
   */
  async reset(group: string, reset: ShareReset, options: CallOptions = {}): Promise<ShareResetResult[]> {
    return await resetOffsets(this.#transport, pathOf(group), reset, options);
  }

  async delete(group: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: pathOf(group), ...options }, 'share_group_not_found');
  }

  /**
   * Locks records for a member. There is nothing to join: the member chooses its name. One attempt is made, because the records
   * of a lost reply stay locked until their time is over.
   *
   * @example
   * const records = await posthorn.shareGroups.acquire('thumbnails', 'worker-1', { waitMs: 10_000 });
   * await posthorn.shareGroups.acknowledge('thumbnails', { accept: records.map((record) => record.acquisitionTag) });
   */
  async acquire(
    group: string,
    memberId: string,
    { signal, timeoutMs, ...fields }: AcquireOptions & CallOptions = {},
  ): Promise<AcquiredRecord[]> {
    const reply = await this.#transport.call({
      method: 'POST',
      path: `${pathOf(group)}/records`,
      ...jsonBody(toWire({ memberId, ...fields })),
      signal,
      timeoutMs: (timeoutMs ?? this.#transport.config.timeoutMs) + (fields.waitMs ?? 0),
    });
    return jsonOf<{ records: WireRecord[] }>(reply).records.map(recordOf);
  }

  /** Each tag stands alone: an error in one does not affect the others. @returns an outcome for each, in order */
  async acknowledge(
    group: string,
    { extend, ...tags }: Acknowledgements,
    options: CallOptions = {},
  ): Promise<AcknowledgedRecord[]> {
    const fields = { ...toWire(tags), ...(extend && { extend: extend.map((each) => toWire(each)) }) };
    const call = { method: 'POST', path: `${pathOf(group)}/acknowledgements`, ...jsonBody(fields) } as const;
    return (await this.#transport.json<{ results: AcknowledgedRecord[] }>({ ...call, ...options })).results;
  }
}

type WireRecord = Omit<AcquiredRecord, 'acquisitionTag' | 'deliveryCount' | 'lockExpiresAt'> & {
  acquisition_tag: string;
  delivery_count: number;
  lock_expires_at: number | null;
};

/** Field by field, because names within values and headers are the application's. */
function recordOf({
  acquisition_tag,
  delivery_count,
  lock_expires_at,
  ...record
}: WireRecord): AcquiredRecord {
  return {
    ...record,
    acquisitionTag: acquisition_tag,
    deliveryCount: delivery_count,
    lockExpiresAt: lock_expires_at,
  };
}

const pathOf = (group: string): string => `/share-groups/${checkName('share group', group)}`;
