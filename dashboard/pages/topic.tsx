/** Topic: its partitions, the groups that read it, and its records. */

import { useState } from 'preact/hooks';
import type { GroupList, GroupOffsets } from '../../protocol/schemas/groups.ts';
import type { PartitionState, TopicReply } from '../../protocol/schemas/topics.ts';
import { call, pathOf } from '../data/api.ts';
import { loadPages, mapSome, useLive } from '../data/live.ts';
import { bytesText } from '../data/words.ts';
import { Figures, Trouble } from '../parts/small-parts.tsx';
import { RecordBrowser } from '../parts/record-browser.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';

const STATE_MS = 3_000;
const LAG_MS = 10_000;

/** Partitions that are asked at first. */
const PARTITIONS_SHOWN = 32;
const GROUPS_MAX = 100;

interface Props {
  readonly namespace: string;
  readonly topic: string;
}

export function TopicPage({ namespace, topic }: Props) {
  const { value, error } = useLive(
    (signal) => call<TopicReply>('GET', pathOf([namespace, 'topics', topic]), { signal }),
    0,
    `${namespace}/${topic}`,
  );
  return (
    <>
      <h1>{topic}</h1>
      <Trouble error={error} />
      {value && <Content namespace={namespace} topic={topic} count={value.partitions} />}
    </>
  );
}

function Content({ namespace, topic, count }: Props & { count: number }) {
  const [shownMax, setShownMax] = useState(PARTITIONS_SHOWN);
  const shown = Math.min(count, shownMax);
  const { value, error } = useLive(
    (signal) => loadPartitions(namespace, topic, shown, signal),
    STATE_MS,
    `${namespace}/${topic}/${shown}`,
  );
  const [first, setFirst] = useState<number>();
  if (first === undefined && value !== undefined) {
    setFirst(value.find((each) => each.high_watermark > each.log_start_offset)?.partition ?? 0);
  }
  return (
    <>
      <Trouble error={error} />
      {value && <Partitions count={count} states={value} />}
      {shown < count && (
        <button type="button" onClick={() => setShownMax(count)}>
          Show all {count} partitions
        </button>
      )}
      {(first !== undefined || error !== null) && (
        <RecordBrowser namespace={namespace} topic={topic} partitions={count} first={first ?? 0} />
      )}
      <Groups namespace={namespace} topic={topic} />
    </>
  );
}

async function loadPartitions(
  namespace: string,
  topic: string,
  count: number,
  signal: AbortSignal,
): Promise<PartitionState[]> {
  const load = (partition: number): Promise<PartitionState> =>
    call('GET', pathOf([namespace, 'topics', topic, 'partitions', String(partition)]), { signal });
  const first = await load(0); // so that one refusal is told, and not a table without rows
  const numbers = Array.from({ length: count - 1 }, (_, index) => index + 1);
  return [first, ...(await mapSome(numbers, load))].sort((a, b) => a.partition - b.partition);
}

function Partitions({ count, states }: { count: number; states: readonly PartitionState[] }) {
  const records = states.reduce((sum, each) => sum + each.high_watermark - each.log_start_offset, 0);
  return (
    <section aria-labelledby="partitions">
      <Figures
        figures={[
          ['Partitions', count.toLocaleString('en')],
          ['Offsets', records.toLocaleString('en')],
          ['Records', bytesText(states.reduce((sum, each) => sum + each.size_bytes, 0))],
        ]}
      />
      <h2 id="partitions">Partitions</h2>
      <VirtualRows
        label="Partitions"
        columns={['Partition', 'First offset', 'Next offset', 'Size', 'On disk', 'Readers']}
        items={states}
        keyOf={({ partition }) => String(partition)}
        empty="No partition answered."
        cells={(each) => [
          String(each.partition),
          each.log_start_offset.toLocaleString('en'),
          each.high_watermark.toLocaleString('en'),
          bytesText(each.size_bytes),
          bytesText(each.storage_bytes),
          String(each.waiting),
        ]}
      />
    </section>
  );
}

interface GroupRow {
  readonly group: string;
  readonly lag: number;
  readonly partitions: number;
}

function Groups({ namespace, topic }: Props) {
  const { value, error } = useLive(
    (signal) => loadGroups(namespace, topic, signal),
    LAG_MS,
    `${namespace}/${topic}`,
  );
  return (
    <section aria-labelledby="groups">
      <h2 id="groups">Groups</h2>
      <Trouble error={error} />
      {value && (
        <VirtualRows
          label="Groups"
          columns={['Group', 'Lag', 'Partitions']}
          items={value}
          keyOf={({ group }) => group}
          empty="No group has read this topic."
          cells={({ group, lag, partitions }) => [group, lag.toLocaleString('en'), String(partitions)]}
        />
      )}
    </section>
  );
}

async function loadGroups(namespace: string, topic: string, signal: AbortSignal): Promise<GroupRow[]> {
  const groups = await loadPages(
    (after) => call<GroupList>('GET', pathOf([namespace, 'groups'], { after }), { signal }),
    (page) => page.groups,
    GROUPS_MAX,
  );
  const rows = await mapSome(groups.slice(0, GROUPS_MAX), async ({ group }) => {
    const offsets = await loadPages(
      (after) =>
        call<GroupOffsets>('GET', pathOf([namespace, 'groups', group, 'offsets'], { topic, after }), {
          signal,
        }),
      (page) => page.offsets,
      Infinity,
    );
    const read = offsets.filter(({ offset }) => offset !== null);
    return { group, lag: read.reduce((sum, { lag }) => sum + lag, 0), partitions: read.length };
  });
  return rows.filter(({ partitions }) => partitions > 0).sort((a, b) => b.lag - a.lag);
}
