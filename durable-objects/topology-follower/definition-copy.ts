/**
 * Definition copy: the definitions that a follower has read. A definition that is out of date does no harm: the object that it
 * leads to says so, and the router asks again for a fresh one. That something does not exist is never remembered.
 *
 * One question is under way at a time. All that comes meanwhile goes into the next one.
 */

import type {
  DefinitionsAnswer,
  DefinitionsQuestion,
  VersionedQueue,
  VersionedTopic,
} from '../rpc/topology-follower.ts';

export type AskParent = (question: DefinitionsQuestion) => Promise<DefinitionsAnswer>;

/** Definitions have some KB: a call between objects carries 32 MiB. */
const NAMES_PER_CALL = 1_000;

/** Of each kind; above it the copy starts anew. */
const ENTRIES_MAX = 10_000;

interface Batch {
  queues: Set<string>;
  topics: Set<string>;
  atLeast: number;
  isFresh: boolean;
  done: Promise<BatchAnswer>;
}

interface BatchAnswer {
  queues: Map<string, VersionedQueue>;
  topics: Map<string, VersionedTopic>;
  topologyVersion: number;
}

export class DefinitionCopy {
  readonly #askParent: AskParent;
  readonly #queues = new Map<string, VersionedQueue>();
  readonly #topics = new Map<string, VersionedTopic>();
  #running: Promise<BatchAnswer> | null = null;
  #next: Batch | null = null;

  constructor(askParent: AskParent) {
    this.#askParent = askParent;
  }

  async definitions(question: DefinitionsQuestion): Promise<DefinitionsAnswer> {
    const { atLeast, isFresh } = question;
    const isMissing = (known: { topologyVersion: number } | undefined): boolean =>
      isFresh || known === undefined || known.topologyVersion < atLeast;
    const queues = question.queues.filter((name) => isMissing(this.#queues.get(name)));
    const topics = question.topics.filter((name) => isMissing(this.#topics.get(name)));
    const missing = new Set([...queues.map((name) => `q${name}`), ...topics.map((name) => `t${name}`)]);
    // Taken now: while others are asked for, the copy may begin anew.
    const known: DefinitionsAnswer = {
      queues: question.queues.flatMap((name) => (missing.has(`q${name}`) ? [] : this.#queues.get(name)!)),
      topics: question.topics.flatMap((name) => (missing.has(`t${name}`) ? [] : this.#topics.get(name)!)),
      topologyVersion: 0,
    };
    if (missing.size === 0) return known;
    const read = await this.#join({ queues, topics, atLeast, isFresh });
    return {
      queues: [...known.queues, ...queues.flatMap((name) => read.queues.get(name) ?? [])],
      topics: [...known.topics, ...topics.flatMap((name) => read.topics.get(name) ?? [])],
      topologyVersion: read.topologyVersion,
    };
  }

  #join({ queues, topics, atLeast, isFresh }: DefinitionsQuestion): Promise<BatchAnswer> {
    const batch = this.#next ?? this.#open();
    for (const name of queues) batch.queues.add(name);
    for (const name of topics) batch.topics.add(name);
    batch.atLeast = Math.max(batch.atLeast, atLeast);
    batch.isFresh ||= isFresh;
    return batch.done;
  }

  #open(): Batch {
    const names = { queues: new Set<string>(), topics: new Set<string>(), atLeast: 0, isFresh: false };
    const batch: Batch = Object.assign(names, { done: this.#begin(names) });
    this.#next = batch;
    return batch;
  }

  async #begin(batch: Omit<Batch, 'done'>): Promise<BatchAnswer> {
    // Also if nothing is under way, so that questions of the same moment share a call.
    await this.#running?.catch(() => {});
    this.#next = null;
    const running = this.#read(batch);
    this.#running = running;
    try {
      return await running;
    } finally {
      this.#running = null;
    }
  }

  async #read({ atLeast, isFresh, ...names }: Omit<Batch, 'done'>): Promise<BatchAnswer> {
    const queues = [...names.queues];
    const topics = [...names.topics];
    const found: BatchAnswer = { queues: new Map(), topics: new Map(), topologyVersion: Infinity };
    for (let first = 0; first < Math.max(queues.length, topics.length); first += NAMES_PER_CALL) {
      const asked = {
        queues: queues.slice(first, first + NAMES_PER_CALL),
        topics: topics.slice(first, first + NAMES_PER_CALL),
      };
      const answer = await this.#askParent({ ...asked, atLeast, isFresh });
      for (const entry of answer.queues) found.queues.set(entry.queue.name, entry);
      for (const entry of answer.topics) found.topics.set(entry.topic.name, entry);
      found.topologyVersion = Math.min(found.topologyVersion, answer.topologyVersion);
    }
    keep(this.#queues, queues, found.queues);
    keep(this.#topics, topics, found.topics);
    return found;
  }
}

/** Puts what was found in place of what was known of these names. */
function keep<Entry>(known: Map<string, Entry>, asked: readonly string[], found: Map<string, Entry>): void {
  for (const name of asked) known.delete(name);
  if (known.size + found.size > ENTRIES_MAX) known.clear();
  for (const [name, entry] of found) known.set(name, entry);
}
