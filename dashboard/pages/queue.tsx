/** Queue: its state, its messages, and what can be done with it. */

import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import { call, pathOf } from '../data/api.ts';
import { useLive } from '../data/live.ts';
import { loadQueue } from '../data/namespace-view.ts';
import { ageText, bytesText, countText } from '../data/words.ts';
import { Action } from '../parts/action.tsx';
import { Figures, Pairs, Trouble } from '../parts/small-parts.tsx';
import { PublishForm } from '../parts/publish-form.tsx';
import { QueueMessages } from '../parts/queue-messages.tsx';
import { hrefOf } from '../route.ts';

const STATE_MS = 2_000;

interface Props {
  readonly namespace: string;
  readonly queue: string;
}

export function QueuePage({ namespace, queue }: Props) {
  const { value, error, reload } = useLive(
    (signal) => loadQueue(namespace, queue, signal),
    STATE_MS,
    `${namespace}/${queue}`,
  );
  return (
    <>
      <h1>{queue}</h1>
      <Trouble error={error} />
      {value && <State reply={value} />}
      <p class="buttons">
        <a class="button" href={hrefOf({ page: 'dead-letters', namespace, name: queue })}>
          Dead letters
        </a>
        {value && <Actions namespace={namespace} reply={value} onDone={reload} />}
      </p>
      <QueueMessages namespace={namespace} queue={queue} onChanged={reload} />
      <PublishForm path={pathOf([namespace, 'queues', queue, 'messages'])} onDone={reload} />
      {value && <Settings reply={value} />}
    </>
  );
}

function State({ reply: { state, warnings } }: { reply: QueueWithStateReply }) {
  const lost = Object.values(state.lost).reduce((sum, count) => sum + count, 0);
  return (
    <>
      <Figures
        figures={[
          ['Ready', state.ready.toLocaleString('en')],
          ['In flight', state.leased.toLocaleString('en')],
          ['Waiting', state.parked.toLocaleString('en')],
          ['Oldest', state.oldest_ms === null ? '–' : ageText(state.oldest_ms, Date.now())],
          ['Consumers', state.consumers.toLocaleString('en')],
          ['Messages', bytesText(state.bytes)],
          ['On disk', bytesText(state.storage_bytes)],
        ]}
      />
      {state.is_paused && <p class="bad">It is paused: nothing is delivered.</p>}
      {state.outgoing_problem !== null && (
        <p class="bad">
          {countText(state.outgoing, 'dead letter')} cannot leave: {state.outgoing_problem}
        </p>
      )}
      {lost > 0 && (
        <p class="bad">{countText(lost, 'dead letter')} went nowhere, since the queue was made.</p>
      )}
      {warnings?.map((warning) => (
        <p class="bad">{warning}</p>
      ))}
    </>
  );
}

interface ActionsProps {
  readonly namespace: string;
  readonly reply: QueueWithStateReply;
  readonly onDone: () => void;
}

function Actions({ namespace, reply: { queue, state }, onDone }: ActionsProps) {
  const act = async <Reply,>(what: string): Promise<Reply> => {
    const reply = await call<Reply>('POST', pathOf([namespace, 'queues', queue, what]));
    onDone();
    return reply;
  };
  return (
    <>
      {state.is_paused ? (
        <Action key="resume" run={() => act('resume').then(() => 'It delivers again.')}>
          Resume
        </Action>
      ) : (
        <Action key="pause" run={() => act('pause').then(() => 'It is paused.')}>
          Pause
        </Action>
      )}
      <Action
        confirm={{
          name: queue,
          warning: `All messages of ${queue} are removed for good, but for those that consumers hold.`,
        }}
        run={() =>
          act<{ purged: number }>('purge').then(({ purged }) => `${countText(purged, 'message')} removed.`)
        }
      >
        Purge
      </Action>
    </>
  );
}

function Settings({ reply }: { reply: QueueWithStateReply }) {
  const { queue: _, state: _state, warnings: _warnings, topology_version: _version, ...settings } = reply;
  return (
    <details class="section">
      <summary>Settings</summary>
      <Pairs of={textsOf(settings)} label="Settings" empty="" />
    </details>
  );
}

function textsOf(settings: object): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, JSON.stringify(value)]));
}
