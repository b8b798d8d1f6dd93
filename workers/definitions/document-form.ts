/** Forms of a document: as it is written in requests and replies, and as the topology keeps it. */

import {
  sentMessage,
  storedMessage,
  type StoredScheduleMessage,
} from '../../core/schedules/schedule-message.ts';
import type { DefinitionDocument } from '../../core/topology/document/plan.ts';
import {
  DEFINITIONS_VERSION,
  type DefinitionList,
  type Definitions,
} from '../../protocol/schemas/definitions.ts';
import { exchangeNameOf, writtenExchange } from '../../protocol/schemas/exchanges.ts';

type Entries = readonly Record<string, unknown>[];
type Lists = { readonly [List in DefinitionList]?: Entries };
type End = { kind: string; name: string };

export function keptDocument(document: Definitions): DefinitionDocument {
  const { posthorn: _, ...lists } = document;
  return converted(lists as Lists, exchangeNameOf, storedMessage) as DefinitionDocument;
}

/** @param lists those of a document, as the topology has them */
export function writtenDocument(lists: Lists): object {
  return { posthorn: DEFINITIONS_VERSION, ...converted(lists, writtenExchange, sentMessage) };
}

/** Converts the names of exchanges, of which the default one has two, and the messages of schedules. */
function converted(
  lists: Lists,
  exchange: (name: string) => string,
  message: (message: StoredScheduleMessage) => object,
): Lists {
  const { exchanges, bindings, schedules } = lists;
  const named = (entry: Record<string, unknown>, member: string): Record<string, unknown> =>
    typeof entry[member] === 'string' ? { ...entry, [member]: exchange(entry[member]) } : entry;
  const end = ({ kind, name }: End): End => ({ kind, name: kind === 'exchange' ? exchange(name) : name });
  return {
    ...lists,
    ...(exchanges && {
      exchanges: exchanges.map((entry) => named(named(entry, 'exchange'), 'alternate_exchange')),
    }),
    ...(bindings && {
      bindings: bindings.map((entry) => ({
        ...named(entry, 'source'),
        destination: end(entry['destination'] as End),
      })),
    }),
    ...(schedules && {
      schedules: schedules.map((entry) => ({
        ...entry,
        message: message(entry['message'] as StoredScheduleMessage),
      })),
    }),
  };
}
