/**
 * Exposition: metrics as the text that Prometheus scrapes, in its own format (0.0.4) or as OpenMetrics (1.0).
 *
 *   # HELP posthorn_dead_letters_total Messages that were dead-lettered
 *   # TYPE posthorn_dead_letters_total counter
 *   posthorn_dead_letters_total{namespace="default",queue="orders",reason="rejected"} 3
 *
 * OpenMetrics leaves `_total` out of the first two lines, and ends with `# EOF`.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface Family {
  /** A counter's ends with `_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const EXPOSITION_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Chooses by the header `accept`. Prometheus names both, and prefers OpenMetrics. */
export function formatFor(accept: string): ExpositionFormat {
  const wanted = accept
    .split(',')
    .map((range) => {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
    })
    .filter(({ weight }) => weight > 0);
  const open = wanted.find(({ type }) => type === 'application/openmetrics-text');
  const plain = wanted.find(({ type }) => type === 'text/plain');
  return open && open.weight >= (plain?.weight ?? 0) ? 'openmetrics' : 'prometheus';
}

/** Families without samples are left out. */
export function exposition(families: readonly Family[], format: ExpositionFormat): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${family} ${escaped(help, format === 'openmetrics')}`, `# TYPE ${family} ${type}`);
    for (const { labels, value } of samples) lines.push(`${name}${textOf(labels)} ${numberText(value)}`);
  }
  if (format === 'openmetrics') lines.push('# EOF');
  return lines.map((line) => `${line}\n`).join('');
}

function textOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value, true)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string, quotes: boolean): string {
  const inLine = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return quotes ? inLine.replaceAll('"', '\\"') : inLine;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
