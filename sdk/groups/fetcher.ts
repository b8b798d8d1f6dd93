/**
 * Fetcher: fetches for all partitions that want more, one request at a time. A request waits if no partition has
 * records.
 */

import { delayMs, type RetryPolicy } from '../client/http/retry.ts';
import { sleep } from '../client/sleep.ts';
import { asPosthornError, type PosthornError } from '../errors.ts';
import type { GroupRequests } from './group-requests.ts';
import type { Membership } from './membership.ts';
import type { PartitionWork } from './handling/partition-work.ts';

/** A request that has been under way for so long waits for records, and may be given up for another. */
const WAITING_MS = 100;

const TO_LEARN = new Set<string>([
  'stale_epoch',
  'partition_not_owned',
  'member_not_found',
  'group_not_found',
  'instance_fenced',
  'inconsistent_topic_id',
]);

export interface FetcherHost {
  readonly works: readonly PartitionWork[];
  /** Something was accepted. */
  fetched(): void;
  tell(error: PosthornError): void;
  fail(error: PosthornError): void;
}

interface Request {
  /** What each partition was at when it was asked for. */
  readonly asked: ReadonlyMap<PartitionWork, number>;
  readonly cancel: AbortController;
  readonly startMs: number;
}

export class Fetcher {
  readonly #requests: GroupRequests;
  readonly #membership: Membership;
  readonly #host: FetcherHost;
  readonly #retry: RetryPolicy;
  readonly #bytesMax: number;
  readonly #signal: AbortSignal;
  #request: Request | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: (() => void) | null = null;

  /** @param signal ends it */
  constructor(
    requests: GroupRequests,
    membership: Membership,
    host: FetcherHost,
    retry: RetryPolicy,
    bytesMax: number,
    signal: AbortSignal,
  ) {
    this.#requests = requests;
    this.#membership = membership;
    this.#host = host;
    this.#retry = retry;
    this.#bytesMax = bytesMax;
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      clearTimeout(this.#timer);
      this.#request?.cancel.abort();
      this.#wake?.();
    });
  }

  async run(): Promise<void> {
    for (let failures = 0; !this.#signal.aborted;) {
      const wanting = this.#wanting();
      if (wanting.length === 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const asked = new Map(wanting.map((work) => [work, work.generation]));
      const request = { asked, cancel: new AbortController(), startMs: performance.now() };
      this.#request = request;
      try {
        await this.#fetch(request);
        failures = 0;
      } catch (cause) {
        if (request.cancel.signal.aborted || this.#signal.aborted) continue;
        await this.#overcome(asPosthornError(cause), ++failures);
      } finally {
        this.#request = null;
      }
    }
  }

  /** Something may want more than before, or from elsewhere. */
  changed(): void {
    this.#wake?.();
    this.#wake = null;
    const request = this.#request;
    if (request === null || this.#timer !== undefined || this.#signal.aborted) return;
    if (!this.#isOutdated(request)) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#request === request && this.#isOutdated(request)) request.cancel.abort();
        else this.changed();
      },
      Math.max(0, request.startMs + WAITING_MS - performance.now()),
    );
  }

  #wanting(): PartitionWork[] {
    return this.#host.works.filter((work) => work.wantsMore(this.#bytesMax));
  }

  #isOutdated({ asked }: Request): boolean {
    return this.#wanting().some((work) => asked.get(work) !== work.generation);
  }

  async #fetch({ asked, cancel }: Request): Promise<void> {
    const works = [...asked.keys()];
    const fields = {
      epoch: this.#membership.epoch,
      partitions: works.map(({ identified }) => identified),
      positions: works.flatMap(({ identified, fetchFrom }) =>
        fetchFrom === null ? [] : [{ ...identified, offset: fetchFrom }],
      ),
    };
    const { member, sections } = await this.#requests.fetch(this.#membership.memberId, fields, cancel.signal);
    for (const section of sections) {
      const work = works.find(
        ({ topicId, partition }) => topicId === section.topic_id && partition === section.partition,
      );
      if (work?.state === 'active' && work.generation === asked.get(work)) work.accept(section);
    }
    this.#membership.hint(member, this.#host.works.length);
    if (sections.length > 0) this.#host.fetched();
  }

  async #overcome(error: PosthornError, failures: number): Promise<void> {
    const { code, details } = error;
    if (TO_LEARN.has(code)) {
      await this.#membership.refresh();
      if (failures === 1) return;
    } else if (code === 'offset_below_start' || code === 'offset_past_end') {
      const { topic, partition } = details;
      // From the committed offset, which the broker holds to the log.
      this.#host.works.find((work) => work.topic === topic && work.partition === partition)?.seek(null);
      this.#host.tell(error);
      if (failures === 1) return;
    } else if (error.retryable) {
      this.#host.tell(error);
    } else {
      return this.#host.fail(error);
    }
    await sleep(delayMs(this.#retry, failures, error), this.#signal).catch(() => {});
  }
}
