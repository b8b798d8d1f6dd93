/** Topic directory: finds topics by their names and by their UUIDs. Names are looked up each time; what a UUID means never changes. */

import type { Topics } from '../../../sdk/admin/topics.ts';
import type { Topic } from '../../../sdk/admin/topic-types.ts';
import { asPosthornError } from '../../../sdk/errors.ts';
import { isName } from '../../../protocol/names/name-rule.ts';
import { topicUuid } from './identities.ts';

export type KnownTopic = Omit<Topic, 'topologyVersion'> & { uuid: string };

/** A UUID that is not known, and a regular expression, make the directory list all topics, but not more often than this, in ms. */
const LIST_INTERVAL_MS = 1_000;

export class TopicDirectory {
  readonly #namespace: string;
  readonly #topics: Topics;
  readonly #byUuid = new Map<string, KnownTopic>();
  #listing: Promise<unknown> | null = null;
  #listedMs = 0;
  #names: readonly string[] = [];
  #naming: Promise<unknown> | null = null;
  #namedMs = 0;

  constructor(namespace: string, topics: Topics) {
    this.#namespace = namespace;
    this.#topics = topics;
  }

  async list(): Promise<KnownTopic[]> {
    return (await this.#topics.list()).map((topic) => this.#note(topic));
  }

  /** The names of all topics, as they were a moment ago. */
  async names(): Promise<readonly string[]> {
    if (performance.now() >= this.#namedMs + LIST_INTERVAL_MS || this.#namedMs === 0) {
      this.#naming ??= this.list()
        .then((topics) => {
          this.#names = topics.map(({ topic }) => topic);
          this.#namedMs = performance.now();
        })
        .finally(() => (this.#naming = null));
    }
    await this.#naming;
    return this.#names;
  }

  /** Null if there is none. */
  async get(name: string): Promise<KnownTopic | null> {
    if (!isName(name)) return null;
    try {
      return this.#note(await this.#topics.get(name));
    } catch (error) {
      if (asPosthornError(error).code === 'topic_not_found') return null;
      throw error;
    }
  }

  /** As it was when it was last seen; null if there is none. */
  async byUuid(uuid: string): Promise<KnownTopic | null> {
    const known = this.#byUuid.get(uuid);
    if (known) return known;
    if (performance.now() >= this.#listedMs + LIST_INTERVAL_MS || this.#listedMs === 0) {
      this.#listing ??= this.list().finally(() => {
        this.#listedMs = performance.now();
        this.#listing = null;
      });
    }
    await this.#listing;
    return this.#byUuid.get(uuid) ?? null;
  }

  /** Takes what a reply told of a topic. */
  note(topic: Omit<Topic, 'topologyVersion'>): KnownTopic {
    return this.#note(topic);
  }

  #note(topic: Omit<Topic, 'topologyVersion'>): KnownTopic {
    const uuid = topicUuid(this.#namespace, topic.topicId);
    const known = { ...topic, uuid };
    this.#byUuid.set(uuid, known);
    return known;
  }
}
