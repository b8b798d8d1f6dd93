/** Home: what is wrong in the namespace first, then its queues and topics. */

import { useMemo, useState } from 'preact/hooks';
import type { Overview, QueueOverview } from '../../protocol/schemas/overview.ts';
import { useLive } from '../data/live.ts';
import {
  loadFirstNames,
  loadNames,
  loadOverview,
  loadStates,
  problemsOf,
  type Names,
  type States,
} from '../data/namespace-view.ts';
import { ageText } from '../data/words.ts';
import { Figures, Trouble } from '../parts/small-parts.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { hrefOf } from '../route.ts';

/** Of many names a list is many pages, so it is asked for less often. */
const NAMES_MS = 10_000;
const MANY_NAMES_MS = 60_000;
const MANY_NAMES = 2_000;

const STATES_MS = 3_000;

export function HomePage({ namespace }: { namespace: string }) {
  const [areMany, setMany] = useState(false);
  const first = useLive((signal) => loadFirstNames(namespace, signal), 0, namespace);
  const all = useLive(
    async (signal) => {
      const loaded = await loadNames(namespace, signal);
      setMany(loaded.queues.length + loaded.topics.length + loaded.groups.length > MANY_NAMES);
      return loaded;
    },
    areMany ? MANY_NAMES_MS : NAMES_MS,
    namespace,
  );
  const names = { value: all.value ?? first.value, error: all.error };
  const [search, setSearch] = useState('');
  const [inView, setInView] = useState('');
  const overview = useLive((signal) => loadOverview(namespace, signal), STATES_MS, namespace);
  const states = useLive(
    async (signal) =>
      names.value ? await loadStates(namespace, names.value, inView.split('\n'), signal) : new Map(),
    STATES_MS,
    `${namespace}\n${names.value?.queues.length}\n${inView}`,
  );
  const known = useKept(states.value, namespace);
  const { value } = names;
  return (
    <>
      <h1>{namespace}</h1>
      <Trouble error={names.error} />
      {value === undefined && names.error === null && <p class="empty">Loading …</p>}
      {value && (
        <>
          <Problems namespace={namespace} names={value} overview={overview.value} />
          <Trouble error={overview.error} />
          <Figures
            figures={[
              ['Queues', all.value ? value.queues.length.toLocaleString('en') : '…'],
              ['Topics', all.value ? value.topics.length.toLocaleString('en') : '…'],
              ['Groups', all.value ? value.groups.length.toLocaleString('en') : '…'],
              ...totalsOf(overview.value),
            ]}
          />
          <SearchField value={search} onChange={setSearch} />
          <Queues
            namespace={namespace}
            names={value}
            states={known}
            search={search}
            onShown={(queues) => setInView(queues.join('\n'))}
          />
          <Topics namespace={namespace} names={value} search={search} />
        </>
      )}
    </>
  );
}

/** Of the last minute, and what waits now. */
function totalsOf(overview: Overview | undefined): [string, string][] {
  if (overview === undefined) return [];
  const { totals, rates } = overview;
  const text = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 1 });
  return [
    ['Ready', text(totals.ready)],
    ['Lag', text(totals.lag)],
    ['Published a second', text(rates.published + rates.records)],
    ['Acknowledged a second', text(rates.acked)],
  ];
}

/** What was known stays in sight while somebody scrolls. */
function useKept(latest: States | undefined, namespace: string): States {
  const [kept] = useState(() => ({ namespace, states: new Map<string, QueueOverview>() }));
  return useMemo(() => {
    if (kept.namespace !== namespace) {
      kept.namespace = namespace;
      kept.states = new Map();
    }
    for (const [queue, state] of latest ?? []) kept.states.set(queue, state);
    return new Map(kept.states);
  }, [latest, namespace]);
}

interface ProblemsProps {
  readonly namespace: string;
  readonly names: Names;
  readonly overview: Overview | undefined;
}

function Problems({ namespace, names, overview }: ProblemsProps) {
  const problems = overview === undefined ? [] : problemsOf(namespace, overview, names);
  return (
    <section aria-labelledby="problems">
      <h2 id="problems">Problems</h2>
      {problems.length === 0 ? (
        <p class="empty">{overview === undefined ? 'Loading …' : 'None seen.'}</p>
      ) : (
        <ul class="problems">
          {problems.slice(0, PROBLEMS_MAX).map(({ key, text, detail, to }) => (
            <li key={key}>
              <a href={hrefOf(to)}>
                <b>{text}</b> <span>{detail}</span>
              </a>
            </li>
          ))}
          {problems.length > PROBLEMS_MAX && <li>and {problems.length - PROBLEMS_MAX} more</li>}
        </ul>
      )}
    </section>
  );
}

const PROBLEMS_MAX = 50;

interface QueuesProps {
  readonly namespace: string;
  readonly names: Names;
  readonly states: States;
  readonly search: string;
  readonly onShown: (queues: string[]) => void;
}

function Queues({ namespace, names, states, search, onShown }: QueuesProps) {
  const found = useMemo(() => names.queues.filter(({ queue }) => matches(queue, search)), [names, search]);
  return (
    <section aria-labelledby="queues">
      <h2 id="queues">Queues</h2>
      <VirtualRows
        label="Queues"
        columns={['Queue', 'Ready', 'In flight', 'Waiting', 'Oldest', 'Consumers']}
        items={found}
        keyOf={({ queue }) => queue}
        empty={names.queues.length === 0 ? 'No queue yet.' : 'No queue has such a name.'}
        onShown={(items) => onShown(items.map(({ queue }) => queue))}
        cells={({ queue }) => {
          const state = states.get(queue);
          const figure = (count: number | undefined): string => count?.toLocaleString('en') ?? '…';
          return [
            <a href={hrefOf({ page: 'queue', namespace, name: queue })}>{queue}</a>,
            figure(state?.ready),
            figure(state?.leased),
            figure(state?.parked),
            state?.oldest_ms == null ? '–' : ageText(state.oldest_ms, Date.now()),
            state?.is_paused ? 'paused' : figure(state?.consumers),
          ];
        }}
      />
    </section>
  );
}

function Topics({ namespace, names, search }: { namespace: string; names: Names; search: string }) {
  const found = useMemo(() => names.topics.filter(({ topic }) => matches(topic, search)), [names, search]);
  return (
    <section aria-labelledby="topics">
      <h2 id="topics">Topics</h2>
      <VirtualRows
        label="Topics"
        columns={['Topic', 'Partitions']}
        items={found}
        keyOf={({ topic }) => topic}
        empty={names.topics.length === 0 ? 'No topic yet.' : 'No topic has such a name.'}
        cells={({ topic, partitions }) => [
          <a href={hrefOf({ page: 'topic', namespace, name: topic })}>{topic}</a>,
          String(partitions),
        ]}
      />
    </section>
  );
}

function matches(name: string, search: string): boolean {
  return name.toLowerCase().includes(search.trim().toLowerCase());
}
