/**
 * Membership: joins, heartbeats one at a time, and joins again when the group has forgotten the member.
 *
 * Only replies to heartbeats change the assignment. Other replies carry it too, but if two replies cross, nobody knows
 * which is newer. So they only trigger the next heartbeat at once.
 */

import type { IdentifiedPartition, MemberReply } from '../../protocol/schemas/groups.ts';
import { delayMs, type RetryPolicy } from '../client/http/retry.ts';
import { asPosthornError, type PosthornError } from '../errors.ts';
import type { GroupRequests } from './group-requests.ts';

export interface MembershipHost {
  /** What the member works on, what it has to give up included. */
  held(): IdentifiedPartition[];
  assigned(reply: MemberReply): void;
  /** All partitions are another's, or may be. */
  lost(): void;
  tell(error: PosthornError): void;
  fail(error: PosthornError): void;
}

/** The group has forgotten the member: what it had is gone, and it joins again. */
const GONE = new Set<string>(['member_not_found', 'group_not_found']);

export class Membership {
  memberId = '';
  /** That of the newest reply to a heartbeat. */
  epoch = 0;
  /** What is under way: joining, or a heartbeat. */
  attempt: Promise<void> = Promise.resolve();
  readonly #requests: GroupRequests;
  readonly #host: MembershipHost;
  readonly #retry: RetryPolicy;
  readonly #sessionTimeoutMs: number;
  readonly #signal: AbortSignal;
  /** When the last request began that was answered, in ms of `performance.now()`. */
  #heardMs = 0;
  #intervalMs = 0;
  #isHurried = false;
  #wake: (() => void) | null = null;
  /** Who waits for the answer to a heartbeat that has not begun yet. */
  #waiting: (() => void)[] = [];

  /** @param signal ends it */
  constructor(
    requests: GroupRequests,
    host: MembershipHost,
    retry: RetryPolicy,
    sessionTimeoutMs: number,
    signal: AbortSignal,
  ) {
    this.#requests = requests;
    this.#host = host;
    this.#retry = retry;
    this.#sessionTimeoutMs = sessionTimeoutMs;
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      this.hurry();
      for (const resolve of this.#waiting) resolve();
    });
  }

  async run(): Promise<void> {
    for (let failures = 0; !this.#signal.aborted;) {
      this.#isHurried = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        this.attempt = this.#beat();
        await this.attempt;
        failures = 0;
        for (const resolve of waiting) resolve();
        await this.#pause(this.#intervalMs);
      } catch (cause) {
        if (this.#signal.aborted) for (const resolve of waiting) resolve();
        if (this.#signal.aborted) return;
        this.#waiting.push(...waiting);
        const error = asPosthornError(cause);
        if (!this.#survives(error)) return this.#host.fail(error);
        this.#host.tell(error);
        this.#isHurried = false;
        await this.#pause(delayMs(this.#retry, ++failures, error));
      }
    }
  }

  /** The next heartbeat goes at once. */
  hurry(): void {
    this.#isHurried = true;
    this.#wake?.();
  }

  /** Resolves when a heartbeat that begins from now on was answered, or the membership ends. */
  refresh(): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.hurry();
    });
  }

  /** Another reply than that to a heartbeat. */
  hint({ epoch, assignment }: MemberReply, assigned: number): void {
    if (epoch > this.epoch || assignment.length !== assigned) this.hurry();
  }

  async #beat(): Promise<void> {
    const startMs = performance.now();
    const reply =
      this.memberId === ''
        ? await this.#requests.join(this.#signal)
        : await this.#requests.heartbeat(
            this.memberId,
            { epoch: this.epoch, partitions: this.#host.held() },
            this.#signal,
          );
    this.#heardMs = startMs;
    this.#intervalMs = reply.heartbeat_interval_ms;
    const isNew = this.memberId !== reply.member_id;
    if (!isNew && reply.epoch < this.epoch) return;
    this.memberId = reply.member_id;
    this.epoch = reply.epoch;
    this.#host.assigned(reply);
  }

  /** @returns whether another attempt may succeed */
  #survives(error: PosthornError): boolean {
    const { code, details } = error;
    if (this.memberId !== '' && GONE.has(code)) {
      this.#leaveBehind();
      return true;
    }
    if (code === 'stale_epoch') {
      // The heartbeat names everything that is held, so nothing is given up by an epoch that is newer than was known.
      if (typeof details['epoch'] === 'number') this.epoch = details['epoch'];
      return true;
    }
    if (!error.retryable) return false;
    // Whoever is not heard of for so long has been replaced, or will be before it hears of it.
    if (this.memberId !== '' && performance.now() - this.#heardMs > this.#sessionTimeoutMs) this.#host.lost();
    return true;
  }

  #leaveBehind(): void {
    this.memberId = '';
    this.epoch = 0;
    this.#host.lost();
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isHurried || this.#signal.aborted) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#wake = null;
  }
}
