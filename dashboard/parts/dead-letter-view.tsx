/** One dead letter: why it died, what it says, where it has been; mended and sent back here. */

import { useState } from 'preact/hooks';
import type { DeadLetter } from '../../protocol/schemas/dead-letters.ts';
import { call, pathOf } from '../data/api.ts';
import { editableOf } from '../data/body.ts';
import { timeText } from '../data/words.ts';
import { Action } from './action.tsx';
import { BodyView } from './body-view.tsx';
import { Pairs } from './small-parts.tsx';

interface Props {
  readonly namespace: string;
  readonly queue: string;
  readonly letter: DeadLetter;
  readonly onSent: () => void;
}

export function DeadLetterView({ namespace, queue, letter, onSent }: Props) {
  const { error, metadata, original_message: message } = letter;
  return (
    <article aria-label="Dead letter">
      <h2>{error.type ?? metadata.reason ?? 'Dead letter'}</h2>
      {error.message !== null && <p class="bad">{error.message}</p>}
      {error.stack_trace !== null && (
        <details>
          <summary>Stack trace</summary>
          <div class="body-text" tabIndex={0} role="region" aria-label="Stack trace">
            <pre>{error.stack_trace}</pre>
          </div>
        </details>
      )}
      <Mend namespace={namespace} queue={queue} letter={letter} onSent={onSent} />
      <h3>History</h3>
      <ol class="timeline">
        {historyOf(letter).map(({ at, text }) => (
          <li key={`${at} ${text}`}>
            <time class="when">{timeText(at)}</time> {text}
          </li>
        ))}
      </ol>
      <h3>Headers</h3>
      <Pairs of={message.headers} label="Headers" empty="No headers." />
      <h3>Properties</h3>
      <Pairs of={message.properties} label="Properties" empty="No properties." />
      <h3>Dead letter</h3>
      <Pairs
        of={{
          id: letter.id,
          retries: String(metadata.retry_count),
          consumer: metadata.consumer_id ?? '–',
          exchange: metadata.exchange ?? '–',
          routing_key: metadata.routing_key ?? '–',
          hops: String(metadata.hops),
        }}
        label="Dead letter"
        empty=""
      />
    </article>
  );
}

/** The body, which an editor takes the place of. What is not changed is sent back byte for byte. */
function Mend({ namespace, queue, letter, onSent }: Props) {
  const { body, headers } = letter.original_message;
  const [before] = useState(() => ({ body: editableOf(body), headers: editableOf(headers ?? {}) }));
  const [edited, setEdited] = useState<{ body: string; headers: string } | null>(null);
  const to = letter.metadata.original_queue;
  const send = async (): Promise<string> => {
    const message = {
      ...(edited && edited.body !== before.body && { body: parse(edited.body, 'the body') }),
      ...(edited && edited.headers !== before.headers && { headers: parse(edited.headers, 'the headers') }),
    };
    const path = pathOf([namespace, 'queues', queue, 'dead-letters', letter.id, 'resend']);
    await call('POST', path, { body: Object.keys(message).length === 0 ? {} : { message } });
    onSent();
    return 'It is sent back.';
  };
  return (
    <div class="editor">
      <h3>Body</h3>
      {edited === null ? (
        <BodyView value={body} label="Body" />
      ) : (
        <>
          <label>
            Body, as JSON
            <textarea
              value={edited.body}
              rows={10}
              spellcheck={false}
              onInput={(event) => setEdited({ ...edited, body: event.currentTarget.value })}
            />
          </label>
          <label>
            Headers, as JSON
            <textarea
              value={edited.headers}
              rows={4}
              spellcheck={false}
              onInput={(event) => setEdited({ ...edited, headers: event.currentTarget.value })}
            />
          </label>
        </>
      )}
      <p class="buttons">
        {edited === null ? (
          <button type="button" onClick={() => setEdited(before)}>
            Edit
          </button>
        ) : (
          <button type="button" onClick={() => setEdited(null)}>
            Undo the changes
          </button>
        )}
        <Action run={send} isMain>
          Send back{to === null ? '' : ` to ${to}`}
        </Action>
      </p>
    </div>
  );
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is no JSON: ${(error as Error).message}`);
  }
}

/** The first event first. */
function historyOf({
  metadata,
  original_message: message,
}: DeadLetter): { at: string | number; text: string }[] {
  const events = metadata.history.flatMap(({ queue, reason, count, first_at: firstAt, last_at: lastAt }) => {
    const what = reason === 'replayed' ? `was sent back from ${queue}` : `died in ${queue}: ${reason}`;
    const times = count === 1 ? '' : `, ${count} times until then`;
    return count === 1
      ? [{ at: lastAt, text: what }]
      : [
          { at: firstAt, text: what },
          { at: lastAt, text: `${what}${times}` },
        ];
  });
  const attempts = [
    ...(metadata.first_attempt === null
      ? []
      : [{ at: metadata.first_attempt, text: 'failed for the first time' }]),
    ...(metadata.last_attempt === null || metadata.retry_count === 0
      ? []
      : [
          {
            at: metadata.last_attempt,
            text: `failed for the last time, after ${metadata.retry_count} retries`,
          },
        ]),
  ];
  const published = { at: message.published_at, text: 'was published' };
  return [published, ...attempts, ...events].sort((a, b) => +new Date(a.at) - +new Date(b.at));
}
