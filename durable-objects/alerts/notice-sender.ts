/**
 * Notice sender: sends the notices of a queue's alerts, those of one rule in order, until the receiver has each or its
 * time is over. A notice is a row until then, so a crash repeats it with the same id.
 */

import { judgeAttempt } from '../../core/webhook/attempt.ts';
import type { ObjectContext } from '../runtime/context.ts';
import { sendWebhook, type Webhook } from '../webhook/send-webhook.ts';
import type { AlertStore, NumberedNotice } from './alert-store.ts';

/** When an attempt is repeated that the end of the object interrupted, in ms. */
const GUARD_MS = 30_000;

type Context = Pick<ObjectContext, 'alarm' | 'env' | 'now' | 'waitUntil'>;

export class NoticeSender {
  readonly #store: AlertStore;
  readonly #context: Context;
  readonly #webhookOf: (rule: string) => Webhook | null;
  #isSending = false;
  #isOver = false;

  /** @param webhookOf the webhook of a rule as it is now; null if the rule is gone */
  constructor(context: Context, store: AlertStore, webhookOf: (rule: string) => Webhook | null) {
    this.#context = context;
    this.#store = store;
    this.#webhookOf = webhookOf;
    context.alarm.register('notices', (nowMs) => this.#run(nowMs));
    this.#schedule();
  }

  /** After notices may have been written. */
  wake(): void {
    if (this.#dueNow().length === 0) return;
    this.#context.alarm.scheduleEarlier('notices', this.#context.now() + GUARD_MS);
    this.#send();
  }

  cancel(): void {
    this.#isOver = true;
    this.#context.alarm.schedule('notices', null);
  }

  #run(nowMs: number): number | null {
    this.#send();
    return this.#isSending ? nowMs + GUARD_MS : this.#nextMs();
  }

  #send(): void {
    if (this.#isSending || this.#dueNow().length === 0) return;
    this.#isSending = true;
    const work = this.#sendAll().catch((error: unknown) => console.error('notices could not be sent', error));
    this.#context.waitUntil(
      work.finally(() => {
        this.#isSending = false;
        if (!this.#isOver) this.#schedule();
      }),
    );
  }

  async #sendAll(): Promise<void> {
    while (!this.#isOver) {
      const due = this.#dueNow();
      if (due.length === 0) return;
      await Promise.all(due.map((notice) => this.#attempt(notice)));
    }
  }

  async #attempt(notice: NumberedNotice): Promise<void> {
    const webhook = this.#webhookOf(notice.rule) ?? notice.webhook;
    const message = { id: notice.messageId, body: notice.body };
    const outcome = await sendWebhook(this.#context.env, webhook, message, this.#context.now());
    if (this.#isOver) return;
    const attempts = notice.attempts + 1;
    const context = { nowMs: this.#context.now(), random: Math.random() };
    const verdict = judgeAttempt(outcome, { attempts, firstMs: notice.firstMs }, context);
    if (verdict.kind === 'retry') {
      const { messageId, body, firstMs } = notice;
      const later = { messageId, body, webhook: notice.webhook, attempts, firstMs, dueMs: verdict.atMs };
      this.#store.putNotice(notice.number, later);
      return;
    }
    if (verdict.kind === 'given_up') {
      console.error(`notice ${notice.messageId} of alert ${notice.rule} is given up: ${verdict.reason}`);
    }
    this.#store.removeNotice(notice.number);
  }

  #dueNow(): NumberedNotice[] {
    const nowMs = this.#context.now();
    return this.#heads().filter(({ dueMs }) => dueMs <= nowMs);
  }

  /** The oldest notice of each rule: later ones wait for it. */
  #heads(): NumberedNotice[] {
    const heads = new Map<string, NumberedNotice>();
    for (const notice of this.#store.notices()) {
      if (!heads.has(notice.rule)) heads.set(notice.rule, notice);
    }
    return [...heads.values()];
  }

  #nextMs(): number | null {
    const heads = this.#heads();
    return heads.length === 0 ? null : Math.min(...heads.map(({ dueMs }) => dueMs));
  }

  #schedule(): void {
    this.#context.alarm.schedule('notices', this.#nextMs());
  }
}
