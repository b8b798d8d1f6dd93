/**
 * Topology copy: what a follower knows of a topology, and when it asks its parent. One question for changes is under way at a
 * time, and all that wait share its answer.
 *
 *   log        the last changes; null before the first question, and after the parent had no way on
 *   confirmed  when the topology had nothing newer than the log
 *   pages      the snapshot as it was read for the last router that had nothing, for a minute
 */

import { FollowedLog } from '../../core/topology/follow/followed-log.ts';
import type { ChangesAnswer, ChangesQuestion } from '../rpc/topology-follower.ts';
import type { SnapshotPage, SnapshotPosition } from '../rpc/topology.ts';

/** The topology, or another follower. */
export interface Parent {
  changes(question: ChangesQuestion): Promise<ChangesAnswer>;
  snapshot(after: SnapshotPosition | null): Promise<SnapshotPage>;
}

/** The question that begins when the one under way has ended. It asks for what all that wait for it need. */
interface NextQuestion {
  question: ChangesQuestion;
  done: Promise<void>;
}

interface Snapshot {
  readMs: number;
  pages: Map<string, Promise<SnapshotPage>>;
}

const SNAPSHOT_KEPT_MS = 60_000;

/** Pages of some 2 MB each: more routers that have nothing read the others through this follower. */
const PAGES_KEPT_MAX = 20;

/** Routers that were a little behind the first one find their changes too. */
const VERSIONS_BEFORE = 100;

export class TopologyCopy {
  readonly #parent: Parent;
  readonly #now: () => number;
  #log: FollowedLog | null = null;
  #confirmedMs = 0;
  #running: Promise<void> | null = null;
  #next: NextQuestion | null = null;
  #snapshot: Snapshot | null = null;

  constructor(parent: Parent, now: () => number) {
    this.#parent = parent;
    this.#now = now;
  }

  async changes(asked: ChangesQuestion): Promise<ChangesAnswer> {
    const beganMs = this.#now();
    const question = { ...asked, atLeast: Math.max(asked.atLeast, asked.since) };
    const ready = this.#ready(question, beganMs);
    if (ready) return ready;
    if (this.#running) {
      // What others asked may do; if it fails, this one asks itself.
      await this.#running.catch(() => {});
      const answered = this.#ready(question, beganMs);
      if (answered) return answered;
    }
    await this.#join(question);
    // The parent has looked: a version that is still missing was dropped.
    return this.#answer(question.since);
  }

  /** Pages are handed on as they were read: the changes since the version of the first one make up for what came later. */
  async snapshot(after: SnapshotPosition | null): Promise<SnapshotPage> {
    const nowMs = this.#now();
    const ageMs = nowMs - (this.#snapshot?.readMs ?? 0);
    if (!this.#snapshot || (after === null && (ageMs < 0 || ageMs > SNAPSHOT_KEPT_MS))) {
      this.#snapshot = { readMs: nowMs, pages: new Map() };
    }
    const { pages } = this.#snapshot;
    const key = JSON.stringify(after);
    const known = pages.get(key);
    if (known) return await known;
    const page = this.#parent.snapshot(after);
    if (pages.size < PAGES_KEPT_MAX) {
      pages.set(key, page);
      page.catch(() => pages.delete(key));
    }
    return await page;
  }

  /** The answer, if what is known is new enough for a question that began at that time. */
  #ready({ since, atLeast, maxAgeMs }: ChangesQuestion, beganMs: number): ChangesAnswer | null {
    const log = this.#log;
    if (!log?.covers(since) || log.version < atLeast) return null;
    // A confirmation of a later time than now is one of a clock that has gone back.
    const isYoung = this.#confirmedMs >= beganMs - maxAgeMs && this.#confirmedMs <= this.#now();
    return isYoung ? this.#answer(since) : null;
  }

  #answer(since: number): ChangesAnswer {
    const part = this.#log?.covers(since) ? this.#log.after(since) : null;
    if (part === null) this.#snapshot = null; // it would lead back to that version
    return { part, ageMs: this.#now() - this.#confirmedMs };
  }

  #join(question: ChangesQuestion): Promise<void> {
    if (this.#next) {
      const { question: merged } = this.#next;
      merged.since = Math.min(merged.since, question.since);
      merged.atLeast = Math.max(merged.atLeast, question.atLeast);
      merged.maxAgeMs = Math.min(merged.maxAgeMs, question.maxAgeMs);
      return this.#next.done;
    }
    const next = { question: { ...question }, done: Promise.resolve() };
    next.done = this.#begin(next.question);
    this.#next = next;
    return next.done;
  }

  async #begin(question: ChangesQuestion): Promise<void> {
    // Also if nothing is under way, so that calls of the same moment share the question.
    await this.#running?.catch(() => {});
    this.#next = null;
    const running = this.#follow(question);
    this.#running = running;
    try {
      await running;
    } finally {
      this.#running = null;
    }
  }

  async #follow({ since, atLeast, maxAgeMs }: ChangesQuestion): Promise<void> {
    if (this.#log && since < this.#log.base) this.#log = null;
    const froms = this.#log ? [this.#log.version] : [Math.max(since - VERSIONS_BEFORE, 0), since];
    for (const from of froms) {
      const log = this.#log ?? new FollowedLog(from);
      for (;;) {
        const askedMs = this.#now();
        const answer = await this.#parent.changes({ since: log.version, atLeast, maxAgeMs: maxAgeMs / 2 });
        if (answer.part === null) break;
        log.append(answer.part.changesJson);
        if (answer.part.isPartial) continue;
        this.#log = log;
        this.#confirmedMs = askedMs - answer.ageMs;
        return;
      }
    }
    // The parent cannot lead on: the log was cut, or the namespace began anew.
    this.#log = null;
  }
}
