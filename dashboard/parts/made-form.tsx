/** Form that makes something: a few fields and a button, and what came of it. */

import { useState } from 'preact/hooks';
import { Action } from './action.tsx';

interface Field {
  readonly name: string;
  readonly label: string;
  readonly value?: string;
  readonly options?: readonly string[];
  /** More lines than one. */
  readonly isLong?: boolean;
}

interface Props {
  readonly title: string;
  readonly fields: readonly Field[];
  /** Returns what to say. @throws what to say instead */
  readonly run: (values: Readonly<Record<string, string>>) => Promise<string>;
}

export function MadeForm({ title, fields, run }: Props) {
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(fields.map(({ name, value, options }) => [name, value ?? options?.[0] ?? ''])),
  );
  const bind = (name: string) => ({
    value: values[name]!,
    onInput: (event: { currentTarget: { value: string } }) =>
      setValues({ ...values, [name]: event.currentTarget.value }),
  });
  return (
    <details class="section">
      <summary>{title}</summary>
      <div class="fields">
        {fields.map(({ name, label, options, isLong }) => (
          <label key={name}>
            {label}
            {options ? (
              <select {...bind(name)}>
                {options.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            ) : isLong ? (
              <textarea {...bind(name)} rows={3} spellcheck={false} />
            ) : (
              <input {...bind(name)} spellcheck={false} />
            )}
          </label>
        ))}
      </div>
      <p class="buttons secret">
        <Action isMain run={() => run(trimmed(values))}>
          {title}
        </Action>
      </p>
    </details>
  );
}

function trimmed(values: Record<string, string>): Record<string, string> {
  const texts = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.trim()]));
  return texts;
}
