/** Body view: one value as JSON, text or hex, cut where it is long. */

import { useMemo, useState } from 'preact/hooks';
import { formOf, textOf, type Form } from '../data/body.ts';
import { bytesText } from '../data/words.ts';

/** A screen or two. More is shown when somebody asks. */
const SHOWN_MAX = 4_096;

/** The browser lays out only the chunks that are in view. */
const CHUNK = 32_768;

const FORMS: readonly [form: Form, label: string][] = [
  ['json', 'JSON'],
  ['text', 'Text'],
  ['hex', 'Hex'],
];

export function BodyView({ value, label }: { value: unknown; label: string }) {
  const [form, setForm] = useState(() => formOf(value));
  const [isWhole, setWhole] = useState(false);
  const text = useMemo(() => textOf(value, form), [value, form]);
  const shown = isWhole ? text : text.slice(0, SHOWN_MAX);
  const choose = (next: Form): void => {
    setForm(next);
    setWhole(false);
  };
  return (
    <div class="body-view">
      <div class="forms" role="group" aria-label={`Form of ${label}`}>
        {FORMS.map(([each, name]) => (
          <button type="button" class="quiet" aria-pressed={each === form} onClick={() => choose(each)}>
            {name}
          </button>
        ))}
      </div>
      <div class="body-text" tabIndex={0} role="region" aria-label={label}>
        {chunksOf(shown).map((chunk) => (
          <pre>{chunk}</pre>
        ))}
      </div>
      {shown.length < text.length && (
        <button type="button" onClick={() => setWhole(true)}>
          Show all ({bytesText(text.length)})
        </button>
      )}
    </div>
  );
}

function chunksOf(text: string): string[] {
  if (text === '') return ['(empty)'];
  const chunks: string[] = [];
  for (let at = 0; at < text.length;) {
    // A row of hex or JSON must not be torn.
    const line = text.indexOf('\n', at + CHUNK);
    const end = line === -1 || line > at + 2 * CHUNK ? at + CHUNK : line + 1;
    chunks.push(text.slice(at, end));
    at = end;
  }
  return chunks;
}
