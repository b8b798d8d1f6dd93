/** Record claims: the claim check of a producer. */

import { JSON_TYPE } from '../../protocol/headers/media-types.ts';
import type { Topics } from '../admin/topics.ts';
import type { Transport } from '../client/transport.ts';
import { recordHeaders, type OutgoingRecord } from '../values/record-input.ts';
import { ClaimCheck, type ClaimOptions } from '../claims/claim-check.ts';
import { CLAIMED_BODY, claimHeader } from '../claims/claim.ts';

export class RecordClaims extends ClaimCheck {
  readonly #topics: Topics;

  constructor(
    transport: Transport,
    topics: Topics,
    options: Required<ClaimOptions> & { signal?: AbortSignal | undefined },
  ) {
    super(transport, options);
    this.#topics = topics;
  }

  /** Stores the large ones among the bodies, one after the other. Returns the records, with claims in the place of those. */
  async replace(
    topic: string,
    records: readonly OutgoingRecord[],
    bodies: readonly (Uint8Array | null)[],
  ): Promise<OutgoingRecord[]> {
    const replaced: OutgoingRecord[] = [];
    for (const [index, record] of records.entries()) {
      const body = bodies[index] ?? null;
      replaced.push(this.isLarge(body) ? await this.#claimed(topic, record, body) : record);
    }
    return replaced;
  }

  async #claimed(topic: string, record: OutgoingRecord, body: Uint8Array): Promise<OutgoingRecord> {
    const type = record.value instanceof Uint8Array ? undefined : JSON_TYPE;
    const claim = await this.upload(body, type, async () => await this.#lifeOf(topic));
    if (claim === null) return record;
    return {
      ...record,
      value: CLAIMED_BODY,
      headers: [...recordHeaders(record.headers), claimHeader(claim)],
    };
  }

  /** How long a record of the topic may live, in ms; null: without end. */
  async #lifeOf(topic: string): Promise<number | null> {
    const { retentionMs, cleanupPolicy } = await this.#topics.get(topic);
    return cleanupPolicy === 'delete' ? retentionMs : null;
  }
}
