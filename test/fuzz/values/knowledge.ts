/**
 * What answers have taught: tags, ids, epochs and sequences that are right, so that requests get beyond the first check. All
 * of it is of one namespace.
 */

import type { Deliveries } from '../../../protocol/schemas/deliveries.ts';
import type { DeadLetterList } from '../../../protocol/schemas/dead-letters.ts';
import type { MemberReply, PartitionOffset } from '../../../protocol/schemas/groups.ts';
import type { MessageList } from '../../../protocol/schemas/queue-messages.ts';
import type { ProducerReply } from '../../../protocol/schemas/producers.ts';
import type { AcquiredRecord } from '../../../protocol/schemas/share-groups.ts';
import { KeptValues } from './kept-values.ts';
import type { FuzzRequest } from '../requests/requests.ts';

export interface KnownMember extends MemberReply {
  group: string;
  offsets: PartitionOffset[];
}

export interface KnownProducer extends ProducerReply {
  /** Null: it is idempotent and no more. */
  transactionalId: string | null;
  /** Of the next record, by `topic/partition`. */
  sequences: Map<string, number>;
  /** Messages of the open transaction. */
  messages: number;
}

export interface Named {
  /** The queue, exchange or share group that it belongs to. */
  of: string;
  id: string;
}

/** Of each kind only the last are of use. */
const KEPT_MAX = 40;

export class Knowledge {
  readonly tags: Named[] = [];
  readonly acquisitions: Named[] = [];
  readonly members: KnownMember[] = [];
  readonly producers: KnownProducer[] = [];
  readonly bindings: Named[] = [];
  readonly deadLetters: Named[] = [];
  readonly replays: Named[] = [];
  readonly messages: Named[] = [];
  readonly kept = new KeptValues();
  /** By name; it may be that of a topic that is gone. */
  readonly topicIds = new Map<string, number>();
  topologyVersion = 0;

  /** Learns from the answer to a request that succeeded. */
  learn({ operation, names, sent: body }: FuzzRequest, reply: unknown): void {
    const sent = body ?? {};
    const { topology_version: version, topic_id: topicId } = reply as {
      topology_version?: number;
      topic_id?: number;
    };
    if (version !== undefined) this.topologyVersion = version;
    if (topicId !== undefined && names['topic']) this.topicIds.set(names['topic'], topicId);
    const of = names['queue'] ?? names['exchange'] ?? names['share_group'] ?? names['group'] ?? '';
    switch (operation) {
      case 'deliver':
        for (const { delivery_tag: id } of (reply as Deliveries).deliveries) keep(this.tags, { of, id });
        break;
      case 'acquireRecords':
        for (const { acquisition_tag: id } of (reply as { records: AcquiredRecord[] }).records)
          keep(this.acquisitions, { of, id });
        break;
      case 'joinGroup':
      case 'heartbeat':
      case 'fetchForMember':
      case 'fetchFromPositions':
        this.#learnMember(of, reply as MemberReply & { offsets?: PartitionOffset[] });
        break;
      case 'makeProducer':
        this.#learnProducer(
          reply as ProducerReply,
          (sent as { transactional_id?: string }).transactional_id ?? null,
        );
        break;
      case 'commitTransaction':
      case 'abortTransaction':
        this.#learnProducer((reply as { producer: ProducerReply }).producer, names['transactional_id']!);
        break;
      case 'bind':
        keep(this.bindings, { of, id: (reply as { id: string }).id });
        break;
      case 'listDeadLetters':
        for (const { id } of (reply as DeadLetterList).dead_letters) keep(this.deadLetters, { of, id });
        break;
      case 'listMessages':
        for (const { id } of (reply as MessageList).messages) keep(this.messages, { of, id });
        break;
      case 'replayDeadLetters':
        if ('id' in (reply as object)) keep(this.replays, { of, id: (reply as { id: string }).id });
        break;
      case 'produce':
        this.#learnSequence(names['topic']!, sent, reply);
        break;
      case 'publishInTransaction':
        this.#learnMessages(names['transactional_id']!, sent);
        break;
      default:
    }
  }

  /** Forgets what the definitions that are gone have given. */
  forget(): void {
    const { tags, acquisitions, members, bindings, deadLetters, messages } = this;
    for (const list of [tags, acquisitions, members, bindings, deadLetters, messages]) list.length = 0;
  }

  #learnMember(
    group: string,
    { offsets = [], ...reply }: MemberReply & { offsets?: PartitionOffset[] },
  ): void {
    const at = this.members.findIndex(({ member_id: id }) => id === reply.member_id);
    const before = at === -1 ? [] : this.members.splice(at, 1)[0]!.offsets;
    keep(this.members, { ...reply, group, offsets: offsets.length > 0 ? offsets : before });
  }

  #learnProducer(reply: ProducerReply, transactionalId: string | null): void {
    const at = this.producers.findIndex(({ id }) => id === reply.id);
    if (at !== -1) this.producers.splice(at, 1);
    keep(this.producers, { ...reply, transactionalId, sequences: new Map(), messages: 0 });
  }

  #learnSequence(topic: string, sent: unknown, reply: unknown): void {
    const { producer, records } = sent as {
      producer?: { id: number; sequence: number };
      records?: unknown[];
    };
    const [first] = (reply as { offsets?: { partition: number }[] }).offsets ?? [];
    const known = this.producers.find(({ id }) => id === producer?.id);
    if (!known || !producer || !records || !first) return;
    known.sequences.set(`${topic}/${first.partition}`, producer.sequence + records.length);
  }

  #learnMessages(transactionalId: string, sent: unknown): void {
    const { messages } = sent as { messages?: unknown[] };
    const known = this.producers.find((producer) => producer.transactionalId === transactionalId);
    if (known) known.messages += messages?.length ?? 0;
  }
}

function keep<Item>(list: Item[], item: Item): void {
  list.push(item);
  if (list.length > KEPT_MAX) list.shift();
}
