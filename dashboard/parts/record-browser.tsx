/** Record browser: the records of a partition from a place on, filtered, and those that come while somebody looks. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { FetchedRecord, FetchReply } from '../../protocol/schemas/records.ts';
import type { PartitionState } from '../../protocol/schemas/topics.ts';
import { call, pathOf, wordsOf } from '../data/api.ts';
import { lineOf, textOf } from '../data/body.ts';
import { timeText } from '../data/words.ts';
import { BodyView } from './body-view.tsx';
import { Pairs, Trouble } from './small-parts.tsx';
import { VirtualRows } from './virtual-rows.tsx';

const PAGE = 200;
const PAGE_BYTES = 4 * 1024 * 1024;

/** The page forgets the oldest of a tail. */
const RECORDS_MAX = 5_000;

/** A request that waits longer might be cut by what lies between. */
const WAIT_MS = 10_000;
const RETRY_MS = 2_000;

type Place = 'latest' | 'earliest' | 'offset' | 'time';

interface Props {
  readonly namespace: string;
  readonly topic: string;
  readonly partitions: number;
  /** The partition that is shown first. */
  readonly first: number;
}

interface From {
  readonly partition: number;
  readonly place: Place;
  readonly at: string;
  readonly isLive: boolean;
  readonly turn: number;
}

export function RecordBrowser({ namespace, topic, partitions, first }: Props) {
  const [from, setFrom] = useState<From>({
    partition: first,
    place: 'latest',
    at: '',
    isLive: false,
    turn: 0,
  });
  const { records, error, more } = useRecords(namespace, topic, from);
  const [key, setKey] = useState('');
  const [text, setText] = useState('');
  const [openOffset, open] = useState<number>();
  const shown = useMemo(() => {
    const found = records.filter((record) => matches(record, key, text));
    return from.isLive || from.place === 'latest' ? found.toReversed() : found;
  }, [records, key, text, from]);
  const chosen = records.find(({ offset }) => offset === openOffset);
  const change = (part: Partial<From>): void => setFrom({ ...from, ...part, turn: from.turn + 1 });
  return (
    <section aria-labelledby="records">
      <h2 id="records">Records</h2>
      <form class="buttons" onSubmit={(event) => event.preventDefault()}>
        <label>
          Partition{' '}
          <select
            value={String(from.partition)}
            onChange={(event) => change({ partition: Number(event.currentTarget.value) })}
          >
            {Array.from({ length: partitions }, (_, partition) => (
              <option value={String(partition)}>{partition}</option>
            ))}
          </select>
        </label>
        <label>
          From{' '}
          <select
            value={from.place}
            onChange={(event) => change({ place: event.currentTarget.value as Place, at: '' })}
          >
            <option value="latest">the latest {PAGE}</option>
            <option value="earliest">the first</option>
            <option value="offset">an offset</option>
            <option value="time">a time</option>
          </select>
        </label>
        {from.place === 'offset' && (
          <label>
            Offset{' '}
            <input
              inputMode="numeric"
              size={10}
              onChange={(event) => change({ at: event.currentTarget.value.trim() })}
            />
          </label>
        )}
        {from.place === 'time' && (
          <label>
            Time{' '}
            <input
              type="datetime-local"
              step="1"
              onChange={(event) => change({ at: event.currentTarget.value })}
            />
          </label>
        )}
        <label>
          Key is{' '}
          <input
            size={12}
            spellcheck={false}
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <label>
          Contains{' '}
          <input
            size={14}
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <label>
          <input
            type="checkbox"
            checked={from.isLive}
            onChange={(event) => change({ isLive: event.currentTarget.checked })}
          />{' '}
          Live
        </label>
      </form>
      <Trouble error={error} />
      <VirtualRows
        label="Records"
        columns={['Value', 'Key', 'Time', 'Offset']}
        items={shown}
        keyOf={({ offset }) => String(offset)}
        empty={records.length === 0 ? 'No records here.' : 'No record matches.'}
        cells={(record) => [
          <button
            type="button"
            class={`quiet ${record.offset === openOffset ? 'chosen' : ''}`}
            onClick={() => open(record.offset)}
          >
            <code>{lineOf(record.value, 120)}</code>
          </button>,
          record.key === null ? '–' : lineOf(record.key),
          timeText(record.timestamp),
          record.offset.toLocaleString('en'),
        ]}
      />
      {more && (
        <button type="button" onClick={more}>
          Load more
        </button>
      )}
      {chosen && (
        <article aria-label={`Record ${chosen.offset}`}>
          <h3>Offset {chosen.offset}</h3>
          <BodyView key={chosen.offset} value={chosen.value} label="Value" />
          <Pairs of={chosen.headers} label="Headers" empty="No headers." />
        </article>
      )}
    </section>
  );
}

interface Loaded {
  readonly records: readonly FetchedRecord[];
  readonly error: string | null;
  /** Loads the next page; undefined: there is none, or it comes by itself. */
  readonly more?: () => void;
}

function useRecords(namespace: string, topic: string, from: From): Loaded {
  const [state, setState] = useState<{ records: FetchedRecord[]; error: string | null; next: number | null }>(
    NONE,
  );
  const fetchFrom = (offset: string | number, waitMs: number, signal?: AbortSignal): Promise<FetchReply> =>
    call(
      'GET',
      pathOf([namespace, 'topics', topic, 'partitions', String(from.partition), 'records'], {
        offset,
        max_records: PAGE,
        max_bytes: PAGE_BYTES,
        wait_ms: waitMs,
      }),
      { signal },
    );
  const add = ({ records, next_offset: next, high_watermark: end }: FetchReply): void =>
    setState((before) => ({
      records: [...before.records, ...records].slice(-RECORDS_MAX),
      error: null,
      next: next < end ? next : null,
    }));
  useEffect(() => {
    const abort = new AbortController();
    setState(NONE);
    const run = async (): Promise<void> => {
      let next: string | number | undefined;
      while (!abort.signal.aborted) {
        try {
          if (from.isLive) await untilShown(abort.signal);
          next ??= await startOf(namespace, topic, from, abort.signal);
          if (next === undefined) return;
          const reply = await fetchFrom(next, from.isLive ? WAIT_MS : 0, abort.signal);
          if (abort.signal.aborted) return;
          add(reply);
          next = reply.next_offset;
          if (!from.isLive) return;
        } catch (error) {
          if (abort.signal.aborted) return;
          setState((before) => ({ ...before, error: wordsOf(error) }));
          if (!from.isLive) return;
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    };
    void run();
    return () => abort.abort();
  }, [namespace, topic, from]);
  const { records, error, next } = state;
  if (from.isLive || next === null) return { records, error };
  const more = (): void =>
    void fetchFrom(next, 0).then(add, (reason: unknown) =>
      setState((before) => ({ ...before, error: wordsOf(reason) })),
    );
  return { records, error, more };
}

/** A tail in a window that nobody sees waits. */
function untilShown(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true, signal });
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const NONE = { records: [], error: null, next: null };

/** Where to begin; undefined: the place is not filled in yet. */
async function startOf(
  namespace: string,
  topic: string,
  { partition, place, at }: From,
  signal: AbortSignal,
): Promise<string | number | undefined> {
  switch (place) {
    case 'earliest':
      return 'earliest';
    case 'offset':
      return at === '' ? undefined : at;
    case 'time':
      return at === '' ? undefined : `@${new Date(at).getTime()}`;
    case 'latest': {
      const names = [namespace, 'topics', topic, 'partitions', String(partition)];
      const { high_watermark: end, log_start_offset: first } = await call<PartitionState>(
        'GET',
        pathOf(names),
        {
          signal,
        },
      );
      return Math.max(first, end - PAGE);
    }
  }
}

function matches({ key, value }: FetchedRecord, wantedKey: string, text: string): boolean {
  if (wantedKey !== '' && (key === null || textOf(key, 'text') !== wantedKey)) return false;
  if (text === '') return true;
  const wanted = text.toLowerCase();
  return [value, key].some((each) => each !== null && textOf(each, 'text').toLowerCase().includes(wanted));
}
