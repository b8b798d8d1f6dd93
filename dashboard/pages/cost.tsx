/** Cost: what the namespace writes now, what that costs, and its ceiling. Rows written are the price that matters. */

import type { CostLimitsReply } from '../../protocol/schemas/cost-limits.ts';
import type { Overview } from '../../protocol/schemas/overview.ts';
import { call, pathOf } from '../data/api.ts';
import { useLive } from '../data/live.ts';
import { loadOverview } from '../data/namespace-view.ts';
import { dollarsText, timeText } from '../data/words.ts';
import { Figures, Trouble } from '../parts/small-parts.tsx';
import { MadeForm } from '../parts/made-form.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { hrefOf } from '../route.ts';

const COST_MS = 5_000;

/** List price. */
const DOLLARS_PER_ROW = 1 / 1_000_000;
const HOUR_S = 3_600;
const MONTH_HOURS = 730;

export function CostPage({ namespace }: { namespace: string }) {
  const overview = useLive((signal) => loadOverview(namespace, signal), COST_MS, namespace);
  const path = pathOf([namespace, 'limits']);
  const limits = useLive((signal) => call<CostLimitsReply>('GET', path, { signal }), COST_MS, path);
  return (
    <>
      <h1>Cost</h1>
      <Trouble error={overview.error} />
      {overview.value && <Rates overview={overview.value} />}
      <section aria-labelledby="ceiling">
        <h2 id="ceiling">Ceiling</h2>
        <Trouble error={limits.error} />
        {limits.value && <Ceiling limits={limits.value} />}
        <MadeForm
          title="Set the ceiling"
          fields={[{ name: 'rows', label: 'Rows written in an hour; empty: no ceiling' }]}
          run={async ({ rows }) => {
            const ceiling = rows === '' ? null : Number(rows);
            await call('PUT', path, { body: { rows_written_per_hour: ceiling } });
            limits.reload();
            return ceiling === null ? 'There is no ceiling.' : 'It is set.';
          }}
        />
      </section>
      {overview.value && <Writers namespace={namespace} overview={overview.value} />}
    </>
  );
}

function Rates({ overview: { rates, counters } }: { overview: Overview }) {
  const perHour = rates.rows_written * HOUR_S * DOLLARS_PER_ROW;
  const taken = counters.published + counters.records;
  const perMillion = taken === 0 ? null : (counters.rows_written / taken) * 1_000_000 * DOLLARS_PER_ROW;
  return (
    <>
      <Figures
        figures={[
          ['Rows a second', rates.rows_written.toLocaleString('en', { maximumFractionDigits: 1 })],
          ['An hour like now', dollarsText(perHour)],
          ['A month like now', dollarsText(perHour * MONTH_HOURS)],
          ['A million messages', perMillion === null ? '–' : dollarsText(perMillion)],
          ['Rows so far', counters.rows_written.toLocaleString('en')],
          ['Cost so far', dollarsText(counters.rows_written * DOLLARS_PER_ROW)],
        ]}
      />
      <p class="empty">
        At $1.00 per million rows. A message counts with its delivery, its acknowledgement and its retries,
        since the namespace was first seen. Requests and storage are not in it.
      </p>
    </>
  );
}

function Ceiling({ limits }: { limits: CostLimitsReply }) {
  const { rows_written_per_hour: ceiling, rows_written_this_hour: written, is_exceeded: isOver } = limits;
  if (ceiling === null)
    return <p class="empty">None: a program that runs wild can write as much as it likes.</p>;
  return (
    <>
      <p>
        <progress max={ceiling} value={Math.min(written, ceiling)} aria-label="Rows of this hour" />{' '}
        {written.toLocaleString('en')} of {ceiling.toLocaleString('en')} rows in this hour, which ends{' '}
        {timeText(limits.resets_at)}
      </p>
      {isOver && <p class="bad">It is reached: publishes are refused until then, and consumers go on.</p>}
    </>
  );
}

interface Writer {
  readonly name: string;
  readonly kind: 'queue' | 'topic';
  readonly rows: number;
  readonly perSecond: number;
}

function Writers({ namespace, overview }: { namespace: string; overview: Overview }) {
  const writers: Writer[] = [
    ...overview.queues.map(({ queue: name, counters, rates }) => ({
      name,
      kind: 'queue' as const,
      counters,
      rates,
    })),
    ...overview.topics.map(({ topic: name, counters, rates }) => ({
      name,
      kind: 'topic' as const,
      counters,
      rates,
    })),
  ]
    .map(({ name, kind, counters, rates }) => ({
      name,
      kind,
      rows: counters.rows_written,
      perSecond: rates.rows_written,
    }))
    .sort((a, b) => b.perSecond - a.perSecond || b.rows - a.rows);
  return (
    <section aria-labelledby="writers">
      <h2 id="writers">
        Who writes <small>of the largest queues and topics</small>
      </h2>
      <VirtualRows
        label="Writers"
        columns={['Name', 'Kind', 'Rows a second', 'Rows', 'Cost']}
        items={writers}
        keyOf={({ kind, name }) => `${kind} ${name}`}
        empty="Nobody has written yet."
        cells={({ name, kind, rows, perSecond }) => [
          <a href={hrefOf({ page: kind, namespace, name })}>{name}</a>,
          kind,
          perSecond.toLocaleString('en', { maximumFractionDigits: 1 }),
          rows.toLocaleString('en'),
          dollarsText(rows * DOLLARS_PER_ROW),
        ]}
      />
    </section>
  );
}
