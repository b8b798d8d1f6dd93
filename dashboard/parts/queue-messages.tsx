/** Messages of a queue: those that come next, or all in one state, each of which can be cancelled or run now. */

import { useState } from 'preact/hooks';
import type { Peeked } from '../../protocol/schemas/deliveries.ts';
import type { HeldMessage, MessageList, MessageState } from '../../protocol/schemas/queue-messages.ts';
import { call, pathOf } from '../data/api.ts';
import { lineOf } from '../data/body.ts';
import { useLive } from '../data/live.ts';
import { timeText } from '../data/words.ts';
import { Action } from './action.tsx';
import { BodyView } from './body-view.tsx';
import { Pairs, Trouble } from './small-parts.tsx';

const FIRST = 20;
const MAX = 1_000;

/** What is shown: the next ones, as a look without a filter is the cheapest, or one state. */
const KINDS = {
  next: 'as they would be delivered next',
  ready: 'ready',
  leased: 'in flight',
  waiting: 'waiting for their next attempt',
  delayed: 'delayed',
} as const;
type Kind = keyof typeof KINDS;

type Shown = Peeked['messages'][number] & Partial<Omit<HeldMessage, keyof Peeked['messages'][number]>>;

interface Props {
  readonly namespace: string;
  readonly queue: string;
  readonly onChanged: () => void;
}

export function QueueMessages({ namespace, queue, onChanged }: Props) {
  const [kind, setKind] = useState<Kind>('next');
  const [messageId, setMessageId] = useState('');
  const [max, setMax] = useState(FIRST);
  const { value, error, reload } = useLive(
    (signal) => load(namespace, queue, kind, messageId, max, signal),
    0,
    `${namespace}/${queue}/${kind}/${messageId}/${max}`,
  );
  const changed = (said: string): string => {
    reload();
    onChanged();
    return said;
  };
  return (
    <section aria-labelledby="messages">
      <h2 id="messages">
        Messages <small>looking takes none</small>
      </h2>
      <form class="buttons" onSubmit={(event) => event.preventDefault()}>
        <label>
          Show{' '}
          <select
            value={kind}
            onChange={(event) => {
              setKind(event.currentTarget.value as Kind);
              setMax(FIRST);
            }}
          >
            {(Object.keys(KINDS) as Kind[]).map((each) => (
              <option key={each} value={each}>
                {KINDS[each]}
              </option>
            ))}
          </select>
        </label>
        {kind !== 'next' && (
          <label>
            Message id is{' '}
            <input
              size={20}
              spellcheck={false}
              value={messageId}
              onChange={(event) => setMessageId(event.currentTarget.value.trim())}
            />
          </label>
        )}
        <button type="button" onClick={reload}>
          Look again
        </button>
      </form>
      <Trouble error={error} />
      {value?.length === 0 && (
        <p class="empty">
          {kind === 'next' || kind === 'ready' ? 'No message is ready.' : 'No message is in this state.'}
        </p>
      )}
      {value?.map((message, index) => (
        <MessageView
          key={message.id ?? `${index} ${message.published_at}`}
          path={[namespace, 'queues', queue, 'messages']}
          message={message}
          onChanged={changed}
        />
      ))}
      {value && value.length >= max && max < MAX && (
        <button type="button" onClick={() => setMax(Math.min(MAX, max * 5))}>
          Show more
        </button>
      )}
    </section>
  );
}

async function load(
  namespace: string,
  queue: string,
  kind: Kind,
  messageId: string,
  max: number,
  signal: AbortSignal,
): Promise<readonly Shown[]> {
  const names = [namespace, 'queues', queue, 'messages'];
  if (kind === 'next')
    return (await call<Peeked>('GET', pathOf(names, { max }), { signal })).messages as Shown[];
  const query = { state: kind as MessageState, message_id: messageId, limit: max };
  return (await call<MessageList>('GET', pathOf([...names, 'list'], query), { signal })).messages as Shown[];
}

interface ViewProps {
  readonly path: readonly string[];
  readonly message: Shown;
  readonly onChanged: (said: string) => string;
}

function MessageView({ path, message, onChanged }: ViewProps) {
  const { id, state } = message;
  const wait = message.due_at ?? message.lease_expires_at;
  return (
    <details class="message">
      <summary>
        <span class="when">{timeText(message.published_at)}</span> <code>{lineOf(message.body, 80)}</code>{' '}
        {wait !== undefined && (
          <small>
            {message.due_at === undefined ? 'leased until' : 'due'} {timeText(wait)}
          </small>
        )}
      </summary>
      {message.last_error && (
        <p class="bad">
          {message.last_error.type ?? 'Failed'}: {message.last_error.message ?? 'no message'}
        </p>
      )}
      <BodyView value={message.body} label="Body" />
      <Pairs of={message.headers} label="Headers" empty="No headers." />
      <Pairs of={message.properties} label="Properties" empty="No properties." />
      {id !== undefined && (
        <Pairs
          of={{
            id,
            state,
            deliveries: String(message.delivery_count),
            failures: String(message.failed_attempts),
            ...(message.consumer_id !== undefined && { consumer: message.consumer_id }),
          }}
          label="Delivery"
          empty=""
        />
      )}
      {id !== undefined && state !== 'leased' && (
        <p class="buttons">
          <Action run={() => call('DELETE', pathOf([...path, id])).then(() => onChanged('It is cancelled.'))}>
            Cancel this message
          </Action>
          {state !== 'ready' && (
            <Action
              run={() => call('POST', pathOf([...path, id, 'run'])).then(() => onChanged('It is ready.'))}
            >
              Run it now
            </Action>
          )}
        </p>
      )}
    </details>
  );
}
