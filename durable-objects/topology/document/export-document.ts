/** Export of a document: the definitions of some kinds, as they are at one moment, up to a size. */

import { AUDIT_TOPIC } from '../../../core/access/audit-topic.ts';
import { exportedEntry, type KeptDefinitions } from '../../../core/topology/document/entries.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import {
  DEFINITION_KINDS,
  DEFINITION_LISTS,
  type DefinitionList,
} from '../../../protocol/schemas/definitions.ts';
import type { TopologyStore } from '../topology-store.ts';
import { ALL, entryOfKept, StoredDefinitions, TABLES } from './stored-definitions.ts';

/** Returns the lists of the document as JSON. Names of exchanges and messages of schedules are as they are kept. */
export function exportDocumentIn(
  store: TopologyStore,
  lists: readonly DefinitionList[],
  bytesMax: number,
): string | Failure {
  const members: string[] = [];
  let length = 0;
  for (const [index, list] of DEFINITION_LISTS.entries()) {
    if (!lists.includes(list)) continue;
    const texts: string[] = [];
    for (const entry of entriesOf(store, DEFINITION_KINDS[index]!)) {
      const text = JSON.stringify(entry);
      length += text.length + 1;
      if (length > bytesMax) return tooLarge(bytesMax);
      texts.push(text);
    }
    members.push(`"${list}":[${texts.join(',')}]`);
  }
  return `{${members.join(',')}}`;
}

function* entriesOf(store: TopologyStore, kind: (typeof DEFINITION_KINDS)[number]): Generator<object> {
  if (kind === 'binding') return yield* new StoredDefinitions(store).bindings();
  for (const kept of store[TABLES[kind]].each(ALL)) {
    if (kind === 'topic' && kept.name === AUDIT_TOPIC) continue;
    yield exportedEntry(kind, kept.name, entryOfKept(kind, kept as KeptDefinitions[typeof kind]));
  }
}

function tooLarge(bytesMax: number): Failure {
  return failure(
    'definitions_too_large',
    `the definitions have more than ${bytesMax} bytes of JSON; ask for some \`kinds\` at a time, or read the lists`,
    { bytes_max: bytesMax },
  );
}
