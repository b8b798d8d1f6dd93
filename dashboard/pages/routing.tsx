/** Routing: exchanges, what is bound to one as a graph, and where a message would go. */

import { useState } from 'preact/hooks';
import type { BindingFields, BindingList, ExchangeList } from '../../protocol/schemas/exchanges.ts';
import type { Route as MessageRoute } from '../../protocol/schemas/routes.ts';
import { call, pathOf, wordsOf } from '../data/api.ts';
import { useList } from '../data/lists.ts';
import { loadPages, useLive } from '../data/live.ts';
import { countText } from '../data/words.ts';
import { Action } from '../parts/action.tsx';
import { Pairs, Trouble } from '../parts/small-parts.tsx';
import { readHeaders, textOf } from '../parts/form.ts';
import { RoutingGraph } from '../parts/routing-graph.tsx';
import { SectionList } from '../parts/section-list.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { hrefOf } from '../route.ts';

type Exchange = ExchangeList['exchanges'][number];

const BINDINGS_MAX = 100_000;
const BINDINGS_MS = 10_000;

interface Props {
  readonly namespace: string;
  readonly name: string | undefined;
}

export function RoutingPage({ namespace, name }: Props) {
  const exchanges = useList<Exchange>(namespace, 'exchanges');
  const chosen = exchanges.value?.find(({ exchange }) => exchange === name);
  return (
    <>
      <h1>Routing</h1>
      <SectionList
        section="routing"
        namespace={namespace}
        name={name}
        label="Exchanges"
        list={exchanges}
        nameOf={({ exchange }) => exchange}
        columns={['Exchange', 'Type', 'Takes from', 'Else to']}
        cells={({ type, internal, alternate_exchange: alternate }) => [
          type,
          internal ? 'exchanges only' : 'everybody',
          alternate ?? '–',
        ]}
        empty="No exchange yet."
      />
      {name !== undefined && exchanges.value && !chosen && (
        <p class="bad">There is no exchange {name} any more.</p>
      )}
      {chosen && <ExchangeView key={chosen.exchange} namespace={namespace} exchange={chosen} />}
    </>
  );
}

function ExchangeView({ namespace, exchange }: { namespace: string; exchange: Exchange }) {
  const { exchange: name } = exchange;
  const isDefault = name === 'amq.default';
  const { value, error, reload } = useLive(
    (signal) => (isDefault ? Promise.resolve([]) : loadBindings(namespace, name, signal)),
    BINDINGS_MS,
    `${namespace}/${name}`,
  );
  return (
    <>
      <h2>{name}</h2>
      <Trouble error={error} />
      {isDefault ? (
        <p>The default exchange sends a message to the queue whose name is the routing key.</p>
      ) : (
        value && (
          <>
            <RoutingGraph namespace={namespace} exchange={name} bindings={value} />
            <h3 id="bindings">{countText(value.length, 'binding')}</h3>
            <Bindings namespace={namespace} exchange={name} bindings={value} onDone={reload} />
          </>
        )
      )}
      {exchange.internal ? (
        <p class="empty">Nobody publishes to it, so there is no route to try.</p>
      ) : (
        <TryRoute namespace={namespace} exchange={name} />
      )}
    </>
  );
}

function loadBindings(namespace: string, exchange: string, signal: AbortSignal): Promise<BindingFields[]> {
  return loadPages(
    (after) =>
      call<BindingList>('GET', pathOf([namespace, 'exchanges', exchange, 'bindings'], { after }), { signal }),
    (page) => page.bindings,
    BINDINGS_MAX,
  );
}

interface BindingsProps {
  readonly namespace: string;
  readonly exchange: string;
  readonly bindings: readonly BindingFields[];
  readonly onDone: () => void;
}

function Bindings({ namespace, exchange, bindings, onDone }: BindingsProps) {
  const unbind = async (id: string): Promise<string> => {
    await call('DELETE', pathOf([namespace, 'exchanges', exchange, 'bindings', id]));
    onDone();
    return 'It is unbound.';
  };
  return (
    <VirtualRows
      label="Bindings"
      columns={['Destination', 'Kind', 'Routing key', 'Arguments', 'Action']}
      items={bindings}
      keyOf={({ id }) => id}
      empty="Nothing is bound to it: messages go to its alternate exchange, or nowhere."
      cells={({ id, destination, routing_key: key, arguments: given }) => [
        <DestinationLink namespace={namespace} {...destination} />,
        destination.kind,
        <code>{key === '' ? '–' : key}</code>,
        Object.keys(given).length === 0 ? '–' : <code>{JSON.stringify(given)}</code>,
        <Action
          confirm={{
            name: destination.name,
            warning: `Messages of ${exchange} do not reach ${destination.name} by this binding any more.`,
          }}
          run={() => unbind(id)}
        >
          Unbind
        </Action>,
      ]}
    />
  );
}

export function DestinationLink({
  namespace,
  kind,
  name,
}: {
  namespace: string;
  kind: string;
  name: string;
}) {
  const page = kind === 'exchange' ? 'routing' : kind === 'topic' ? 'topic' : 'queue';
  return <a href={hrefOf({ page, namespace, name })}>{name}</a>;
}

function TryRoute({ namespace, exchange }: { namespace: string; exchange: string }) {
  const [answer, setAnswer] = useState<{ route: MessageRoute | null; error: string | null }>();
  const ask = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const headers = readHeaders(textOf(event, 'headers', false));
      const body = {
        routing_key: textOf(event, 'key', false),
        ...(Object.keys(headers).length > 0 && { headers }),
      };
      const path = pathOf([namespace, 'exchanges', exchange, 'route']);
      setAnswer({ route: await call<MessageRoute>('POST', path, { body }), error: null });
    } catch (error) {
      setAnswer({ route: null, error: wordsOf(error) });
    }
  };
  return (
    <section aria-labelledby="route">
      <h3 id="route">
        Where would this go? <small>nothing is published</small>
      </h3>
      <form onSubmit={(event) => void ask(event)}>
        <div class="fields">
          <label>
            Routing key
            <input name="key" spellcheck={false} />
          </label>
          <label>
            Headers: a line each, <code>name: value</code>
            <textarea name="headers" rows={2} spellcheck={false} />
          </label>
        </div>
        <p class="buttons">
          <button type="submit" class="main">
            Try
          </button>
        </p>
      </form>
      <div role="status">
        <Trouble error={answer?.error ?? null} />
        {answer?.route && <RouteAnswer namespace={namespace} route={answer.route} />}
      </div>
    </section>
  );
}

function RouteAnswer({ namespace, route }: { namespace: string; route: MessageRoute }) {
  const hidden = route.destination_count - route.destinations.length;
  return (
    <>
      {route.unroutable ? (
        <p class="bad">
          Nowhere: no binding takes it. A publish would drop it, or report it if it is mandatory.
        </p>
      ) : (
        <p class="said">It would be stored in {countText(route.destination_count, 'place')}:</p>
      )}
      <ul>
        {route.destinations.map(({ kind, name }) => (
          <li key={`${kind} ${name}`}>
            {kind} <DestinationLink namespace={namespace} kind={kind} name={name} />
          </li>
        ))}
        {hidden > 0 && <li>and {hidden.toLocaleString('en')} more</li>}
      </ul>
      <h3>How it gets there</h3>
      <ol>
        {route.steps.map(({ exchange, by, from, matched, alternate }) => (
          <li key={exchange}>
            <b>{exchange}</b>
            {by === 'publish'
              ? ''
              : by === 'binding'
                ? `, bound to ${from}`
                : `, the alternate of ${from}`}:{' '}
            {matched.length === 0 ? 'no binding takes it' : matched.map(({ name }) => name).join(', ')}
            {alternate !== null && `; it goes on to ${alternate}`}
          </li>
        ))}
      </ol>
      {route.hidden_steps > 0 && (
        <Pairs of={{ 'exchanges not shown': String(route.hidden_steps) }} label="Not shown" empty="" />
      )}
    </>
  );
}
