/** Alerts: rules that notice when queues are in trouble, which of them fire, and one made or deleted. */

import type { AlertList, AlertReply } from '../../protocol/schemas/alerts.ts';
import { call, pathOf } from '../data/api.ts';
import { useList } from '../data/lists.ts';
import { useLive } from '../data/live.ts';
import { loadOverview } from '../data/namespace-view.ts';
import { madeText, spanText } from '../data/words.ts';
import { DeleteAction } from '../parts/delete-action.tsx';
import { Pairs, Trouble } from '../parts/small-parts.tsx';
import { MadeForm } from '../parts/made-form.tsx';
import { RuleProgress } from '../parts/rule-progress.tsx';
import { SectionList } from '../parts/section-list.tsx';
import { hrefOf } from '../route.ts';

const FIRING_MS = 5_000;
const STATE_MS = 3_000;

interface Props {
  readonly namespace: string;
  readonly name: string | undefined;
}

export function AlertsPage({ namespace, name }: Props) {
  const alerts = useList<AlertList['alerts'][number]>(namespace, 'alerts');
  const overview = useLive((signal) => loadOverview(namespace, signal), FIRING_MS, namespace);
  const firing = overview.value?.problems.filter(({ problem }) => problem === 'alert_firing') ?? [];
  return (
    <>
      <h1>Alerts</h1>
      {firing.length > 0 && (
        <ul class="problems" aria-label="Firing">
          {firing.map(({ name: queue, detail }) => (
            <li key={`${queue} ${detail}`}>
              <a href={hrefOf({ page: 'queue', namespace, name: queue })}>
                <b>{queue}</b> <span>{detail}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      <SectionList
        section="alerts"
        namespace={namespace}
        name={name}
        label="Alerts"
        list={alerts}
        nameOf={({ alert }) => alert}
        columns={['Alert', 'Queues', 'When', 'For', 'Notices go to']}
        cells={({ pattern, metric, threshold, for_ms: forMs, webhook }) => [
          <code>{pattern}</code>,
          `${metric} > ${threshold.toLocaleString('en')}`,
          forMs === 0 ? 'at once' : spanText(forMs),
          webhook.url,
        ]}
        empty="No alert yet. Make one below, and somebody is told when a queue is in trouble."
      />
      {name !== undefined && (
        <AlertView key={name} namespace={namespace} alert={name} onDeleted={alerts.reload} />
      )}
      <MadeForm
        title="Make an alert"
        fields={[
          { name: 'alert', label: 'Name' },
          { name: 'pattern', label: 'Queues: * for any characters', value: '*' },
          { name: 'metric', label: 'Metric', options: ['depth', 'oldest_age_ms', 'dead_letter_rate'] },
          { name: 'threshold', label: 'Above', value: '1000' },
          { name: 'for_ms', label: 'For, in ms', value: '0' },
          { name: 'url', label: 'Webhook' },
        ]}
        run={async ({ alert, pattern, metric, threshold, for_ms: forMs, url }) => {
          const reply = await call<AlertReply>('PUT', pathOf([namespace, 'alerts', alert!]), {
            body: { pattern, metric, threshold: Number(threshold), for_ms: Number(forMs), webhook: { url } },
          });
          alerts.reload();
          const { secret } = reply.webhook;
          return madeText(secret);
        }}
      />
    </>
  );
}

interface ViewProps {
  readonly namespace: string;
  readonly alert: string;
  readonly onDeleted: () => void;
}

function AlertView({ namespace, alert, onDeleted }: ViewProps) {
  const path = pathOf([namespace, 'alerts', alert]);
  const { value, error } = useLive((signal) => call<AlertReply>('GET', path, { signal }), STATE_MS, path);
  return (
    <>
      <h2>{alert}</h2>
      <Trouble error={error} />
      {value && (
        <>
          <RuleProgress progress={value.progress} />
          <Pairs
            of={{
              queues: value.pattern,
              metric: value.metric,
              above: String(value.threshold),
              for_ms: String(value.for_ms),
              webhook: value.webhook.url,
            }}
            label="Alert"
            empty=""
          />
          <p class="buttons">
            <DeleteAction
              section="alerts"
              namespace={namespace}
              name={alert}
              warning={`The alert ${alert} is deleted. What fires recovers.`}
              onDeleted={onDeleted}
            />
          </p>
        </>
      )}
    </>
  );
}
