/** Publish form: one test message for a queue. */

import { useState } from 'preact/hooks';
import type { QueuePublished } from '../../protocol/schemas/deliveries.ts';
import { call } from '../data/api.ts';
import { Action } from './action.tsx';
import { readHeaders } from './form.ts';

export function PublishForm({ path, onDone }: { path: string; onDone: () => void }) {
  const [body, setBody] = useState('');
  const [headers, setHeaders] = useState('');
  const publish = async (): Promise<string> => {
    const message = { body: readBody(body), ...(headers.trim() !== '' && { headers: readHeaders(headers) }) };
    const { results } = await call<QueuePublished>('POST', path, { body: { messages: [message] } });
    onDone();
    return { stored: 'It is stored.', duplicate: 'It is a duplicate.', rejected: 'The queue is full.' }[
      results[0]!.outcome
    ];
  };
  return (
    <details class="section">
      <summary>Publish a test message</summary>
      <label>
        Body: JSON, or else a text
        <textarea value={body} spellcheck={false} onInput={(event) => setBody(event.currentTarget.value)} />
      </label>
      <label>
        Headers: a line each, <code>name: value</code>
        <textarea
          value={headers}
          rows={2}
          spellcheck={false}
          onInput={(event) => setHeaders(event.currentTarget.value)}
        />
      </label>
      <p class="buttons">
        <Action run={publish} isMain>
          Publish
        </Action>
      </p>
    </details>
  );
}

function readBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
