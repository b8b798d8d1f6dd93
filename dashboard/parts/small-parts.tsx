/** Small parts that the pages share. */

import type { ComponentChildren } from 'preact';
import { lineOf } from '../data/body.ts';

/** Figures in a row, each with its name. */
export function Figures({ figures }: { figures: readonly [name: string, value: ComponentChildren][] }) {
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Names and values below each other: settings, headers, properties. */
export function Pairs({ of, label, empty }: { of: object | undefined; label: string; empty: string }) {
  const pairs = Object.entries(of ?? {}).flatMap(([name, value]: [string, unknown]) =>
    Array.isArray(value) ? value.map((each): [string, unknown] => [name, each]) : [[name, value] as const],
  );
  if (pairs.length === 0) return <p class="empty">{empty}</p>;
  return (
    <dl class="pairs" aria-label={label}>
      {pairs.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{lineOf(value, 2_000)}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Trouble({ error }: { error: string | null }) {
  return error === null ? null : (
    <p class="bad" role="alert">
      {error}
    </p>
  );
}
