import type { History } from '../history.ts';
import { parentOf } from '../workload/derived.ts';
import type { Checker } from './checker.ts';
import { transactionByRecord, transactionsOf } from './transactions.ts';

/**
 * Members of a group that read committed records read nothing of a transaction whose commit nobody had asked for, or that
 * was aborted; and no transaction reads, through whatever others, what follows from itself (G1c).
 */
export const informationFlow: Checker = {
  name: 'information-flow',
  promise: 'What transactions read of each other was committed before, and never goes round',
  check: (history) => {
    const transactions = transactionsOf(history);
    const byRecord = transactionByRecord(history);
    const early = history.of('transform-read').flatMap(({ member, end, records }) =>
      records.flatMap(({ id, log, offset }) => {
        const seen = transactions.get(byRecord.get(id) ?? '');
        if (!seen || (!seen.isAborted && seen.commitBegin < end)) return [];
        const why = seen.isAborted ? 'was not committed' : 'was not to be committed yet';
        return [`${member} read ${log}/${offset}, ${id} of transaction ${seen.name}, which ${why}`];
      }),
    );
    const around = [...cycles(sourcesOf(history, byRecord))];
    return [...early, ...around.map((names) => `transactions read of each other: ${names.join(', ')}`)];
  },
};

/** By transaction, those that wrote what it has read. */
function sourcesOf(history: History, byRecord: ReadonlyMap<string, string>): Map<string, Set<string>> {
  const sources = new Map<string, Set<string>>();
  for (const { records } of history.of('produce')) {
    for (const { id } of records) {
      const [reader, parent] = [byRecord.get(id), parentOf(id)];
      const writer = parent === null ? undefined : byRecord.get(parent);
      if (reader === undefined || writer === undefined) continue;
      const known = sources.get(reader) ?? new Set();
      sources.set(reader, known.add(writer));
    }
  }
  return sources;
}

function* cycles(sources: ReadonlyMap<string, ReadonlySet<string>>): IterableIterator<string[]> {
  const done = new Set<string>();
  function* visit(name: string, path: string[]): IterableIterator<string[]> {
    if (path.includes(name)) yield [...path.slice(path.indexOf(name)), name];
    else if (!done.has(name)) {
      done.add(name);
      for (const source of sources.get(name) ?? []) yield* visit(source, [...path, name]);
    }
  }
  for (const name of sources.keys()) yield* visit(name, []);
}
