/** Subscriptions: queues and topics whose messages are pushed to an endpoint or a Worker, how that goes, and what each request came to. */

import type {
  Attempt,
  Attempts,
  SubscriptionList,
  DeclaredSource,
  SubscriptionTarget,
  SubscriptionTested,
  SubscriptionWithStateReply,
} from '../../protocol/schemas/subscriptions.ts';
import { call, pathOf } from '../data/api.ts';
import { useList } from '../data/lists.ts';
import { useLive } from '../data/live.ts';
import { madeText, timeText } from '../data/words.ts';
import { Action } from '../parts/action.tsx';
import { DeleteAction } from '../parts/delete-action.tsx';
import { Figures, Pairs, Trouble } from '../parts/small-parts.tsx';
import { MadeForm } from '../parts/made-form.tsx';
import { SectionList } from '../parts/section-list.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { hrefOf } from '../route.ts';

const STATE_MS = 3_000;
const ATTEMPTS_SHOWN = 100;
const FORMATS = ['json', 'body', 'cloudevents-binary', 'cloudevents-structured', 'cloudevents-batch'];

interface Props {
  readonly namespace: string;
  readonly name: string | undefined;
}

export function SubscriptionsPage({ namespace, name }: Props) {
  const subscriptions = useList<SubscriptionList['subscriptions'][number]>(namespace, 'subscriptions');
  return (
    <>
      <h1>Subscriptions</h1>
      <SectionList
        section="subscriptions"
        namespace={namespace}
        name={name}
        label="Subscriptions"
        list={subscriptions}
        nameOf={({ subscription }) => subscription}
        columns={['Subscription', 'Source', 'Target', 'Format', 'State']}
        cells={({ source, target, format, is_paused: isPaused }) => [
          <SourceLink namespace={namespace} source={source} />,
          targetText(target),
          format,
          isPaused ? 'paused' : 'on',
        ]}
        empty="No subscription yet. One pushes the messages of a queue, or the records of a topic, to an HTTP endpoint or a Worker."
      />
      {name !== undefined && (
        <SubscriptionView
          key={name}
          namespace={namespace}
          subscription={name}
          onChanged={subscriptions.reload}
        />
      )}
      <MadeForm
        title="Make a subscription"
        fields={[
          { name: 'subscription', label: 'Name' },
          { name: 'kind', label: 'Source', options: ['queue', 'topic'] },
          { name: 'source', label: 'Its name' },
          { name: 'to', label: 'Target', options: ['url', 'worker'] },
          { name: 'target', label: 'Its address, or the name of the Worker' },
          { name: 'format', label: 'Format', options: FORMATS },
        ]}
        run={async ({ subscription, kind, source, to, target, format }) => {
          const { secret } = await call<{ secret?: string }>(
            'PUT',
            pathOf([namespace, 'subscriptions', subscription!]),
            { body: { source: { [kind!]: source }, target: { [to!]: target }, format } },
          );
          subscriptions.reload();
          return madeText(secret);
        }}
      />
    </>
  );
}

function targetText(target: SubscriptionTarget): string {
  if ('url' in target) return target.url;
  if ('worker' in target) return `Worker ${target.worker}`;
  const [kind, name] = 'queue' in target ? ['queue', target.queue] : ['topic', target.topic];
  return `${kind} ${name}${target.namespace === undefined ? '' : ` of ${target.namespace}`}`;
}

function SourceLink({ namespace, source }: { namespace: string; source: DeclaredSource }) {
  const [page, name] =
    'queue' in source ? (['queue', source.queue] as const) : (['topic', source.topic] as const);
  return <a href={hrefOf({ page, namespace, name })}>{name}</a>;
}

interface ViewProps {
  readonly namespace: string;
  readonly subscription: string;
  readonly onChanged: () => void;
}

const PAUSED_FOR = {
  asked: 'It is paused: nothing is pushed.',
  gone: 'It is paused, because the endpoint answered 410. Resume it when there is one again.',
  source_deleted: 'It is paused, because its queue or topic was deleted.',
} as const;

function SubscriptionView({ namespace, subscription, onChanged }: ViewProps) {
  const path = (...more: string[]): string => pathOf([namespace, 'subscriptions', subscription, ...more]);
  const { value, error, reload } = useLive(
    (signal) => call<SubscriptionWithStateReply>('GET', path(), { signal }),
    STATE_MS,
    path(),
  );
  const changed = (said: string): string => {
    reload();
    onChanged();
    return said;
  };
  return (
    <>
      <h2>{subscription}</h2>
      <Trouble error={error} />
      {value && (
        <>
          <Figures
            figures={[
              ['Breaker', value.state.breaker],
              ['Requests in flight', value.state.in_flight.toLocaleString('en')],
              ['Accepted', value.state.pushed.toLocaleString('en')],
              ['Failed', value.state.failed.toLocaleString('en')],
              ...(value.state.lag === null
                ? []
                : [['Lag', value.state.lag.toLocaleString('en')] as [string, string]]),
              ['Pushes again', value.state.resumes_at === null ? 'now' : timeText(value.state.resumes_at)],
            ]}
          />
          {value.pause_reason !== null && <p class="bad">{PAUSED_FOR[value.pause_reason]}</p>}
          {value.state.last_error !== null && <p class="bad">{value.state.last_error}</p>}
          <p class="buttons">
            {value.is_paused ? (
              <Action
                key="resume"
                run={() => call('POST', path('resume')).then(() => changed('It pushes again.'))}
              >
                Resume
              </Action>
            ) : (
              <Action
                key="pause"
                run={() => call('POST', path('pause')).then(() => changed('It is paused.'))}
              >
                Pause
              </Action>
            )}
            <Action
              run={() =>
                call<SubscriptionTested>('POST', path('test')).then(({ attempt }) =>
                  changed(`The endpoint said: ${saidOf(attempt)}.`),
                )
              }
            >
              Push a test message
            </Action>
            <DeleteAction
              section="subscriptions"
              namespace={namespace}
              name={subscription}
              warning={`The subscription ${subscription} is deleted. What it has not pushed stays where it is.`}
              onDeleted={onChanged}
            />
          </p>
          <AttemptList path={path('attempts')} />
          <h3>Settings</h3>
          <Pairs
            of={{
              target: targetText(value.target),
              ...(value.filter && { filter: JSON.stringify(value.filter) }),
              ...('topic' in value.source && {
                began: String(value.source.from),
                order: `by ${value.source.order}`,
              }),
              batch: `${value.batch_messages} messages, ${value.batch_wait_ms} ms`,
              concurrency: String(value.concurrency),
              rate_per_s: value.rate_per_s === null ? 'no limit' : String(value.rate_per_s),
              reply_timeout_ms: String(value.reply_timeout_ms),
              ...value.headers,
            }}
            label="Settings"
            empty=""
          />
        </>
      )}
    </>
  );
}

function AttemptList({ path }: { path: string }) {
  const { value, error } = useLive(
    (signal) => call<Attempts>('GET', `${path}?limit=${ATTEMPTS_SHOWN}`, { signal }),
    STATE_MS,
    path,
  );
  return (
    <section aria-labelledby="attempts">
      <h3 id="attempts">Requests</h3>
      <Trouble error={error} />
      {value && (
        <VirtualRows
          label="Requests"
          columns={['What the endpoint said', 'Messages', 'Attempt', 'Took', 'When']}
          items={value.attempts}
          keyOf={({ id, at }) => `${id} ${at}`}
          empty="No request was made yet."
          cells={(attempt) => [
            <span class={attempt.outcome === 'accepted' ? 'said' : 'bad'} title={attempt.reply ?? ''}>
              {saidOf(attempt)}
            </span>,
            attempt.messages.toLocaleString('en'),
            String(attempt.attempt),
            `${attempt.duration_ms.toLocaleString('en')} ms`,
            timeText(attempt.at),
          ]}
        />
      )}
    </section>
  );
}

function saidOf({ status, error, reply }: Attempt): string {
  const said = status === null ? 'nothing' : String(status);
  const why = [error, reply].filter((text) => text !== null && text !== '').join('; ');
  return why === '' ? said : `${said}, ${why}`;
}
