/** Stored definitions: what a plan compares a document with, read from the store as it is asked for. */

import { bindingId, type BindingDeclaration } from '../../../core/exchange/binding.ts';
import {
  presentEntry,
  type Entry,
  type KeptDefinitions,
  type NamedKind,
} from '../../../core/topology/document/entries.ts';
import type { PresentDefinitions } from '../../../core/topology/document/plan.ts';
import type { ListKind } from '../../rpc/topology.ts';
import { sha256 } from '../definitions/exchanges.ts';
import type { TopologyStore } from '../topology-store.ts';

const NAMES_PER_READ = 1_000;

/** A negative limit is none in SQLite. */
export const ALL = -1;

type Table = Exclude<ListKind, 'groups'>;

export const TABLES: Readonly<Record<NamedKind, Table>> = {
  topic: 'topics',
  queue: 'queues',
  exchange: 'exchanges',
  policy: 'policies',
  alert: 'alerts',
  schedule: 'schedules',
  subscription: 'subscriptions',
  hook: 'hooks',
  share_group: 'shareGroups',
};

export class StoredDefinitions implements PresentDefinitions {
  readonly #store: TopologyStore;

  constructor(store: TopologyStore) {
    this.#store = store;
  }

  entry(kind: NamedKind, name: string): Entry | null {
    const kept = kind === 'exchange' ? this.#store.exchange(name) : this.#store[TABLES[kind]].get(name);
    return kept === null ? null : entryOfKept(kind, kept as KeptDefinitions[NamedKind]);
  }

  *names(kind: NamedKind): Generator<string> {
    for (let after = ''; ;) {
      const names = this.#store[TABLES[kind]].namesAfter(after, NAMES_PER_READ);
      yield* names;
      if (names.length < NAMES_PER_READ) return;
      after = names.at(-1)!;
    }
  }

  hasBinding(binding: BindingDeclaration): boolean {
    return this.#store.bindings.has(binding.source, bindingIdOf(binding));
  }

  *bindings(): Generator<BindingDeclaration> {
    for (const { json } of this.#store.bindings.texts(null, ALL)) {
      const { id: _, ...binding } = JSON.parse(json) as BindingDeclaration & { id: string };
      yield binding;
    }
  }
}

export const bindingIdOf = (binding: BindingDeclaration): string => bindingId(binding, sha256);

export function entryOfKept(kind: NamedKind, kept: KeptDefinitions[NamedKind]): Entry {
  return (presentEntry[kind] as (kept: KeptDefinitions[NamedKind]) => Entry)(kept);
}
