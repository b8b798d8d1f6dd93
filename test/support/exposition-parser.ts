/** A strict parser of what Prometheus scrapes, for tests: it refuses what Prometheus would refuse, and what it would only warn of. */

import type { ExpositionFormat } from '../../core/metrics/exposition.ts';

export interface ParsedSample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LABELS = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=[a-zA-Z_])|$)/gy;

export function parseExposition(text: string, format: ExpositionFormat): ParsedSample[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const lines = text.slice(0, -1).split('\n');
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('the end is missing');
  const samples: ParsedSample[] = [];
  const families = new Set<string>();
  const seen = new Set<string>();
  let family = { name: '', type: '' };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const help = /^# HELP ([a-zA-Z_:][\w:]*) \S/.exec(line);
    if (help) {
      const type = /^# TYPE (\S+) (counter|gauge)$/.exec(lines[++at] ?? '');
      if (!type || type[1] !== help[1]) throw new Error(`no type after ${line}`);
      if (families.has(type[1]!)) throw new Error(`${type[1]} comes twice`);
      families.add(type[1]!);
      family = { name: type[1]!, type: type[2]! };
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!sample) throw new Error(`no sample: ${line}`);
    const [, name, inBraces = '', value] = sample;
    const counterName = format === 'openmetrics' ? `${family.name}_total` : family.name;
    if (name !== (family.type === 'counter' ? counterName : family.name))
      throw new Error(`${name} is not of ${family.name}`);
    if ((family.type === 'counter') !== name!.endsWith('_total'))
      throw new Error(`${name} has the name of another type`);
    const labels = labelsOf(inBraces);
    const key = JSON.stringify([name, Object.entries(labels).sort()]);
    if (seen.has(key)) throw new Error(`a sample comes twice: ${line}`);
    seen.add(key);
    const number = Number(value);
    if (!Number.isFinite(number)) throw new Error(`no number: ${line}`);
    samples.push({ name: name!, labels, value: number });
  }
  return samples;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABELS.lastIndex = 0;
  for (let end = 0; end < text.length; end = LABELS.lastIndex) {
    const label = LABELS.exec(text);
    if (!label) throw new Error(`no labels: ${text}`);
    if (label[1]! in labels) throw new Error(`a label comes twice: ${text}`);
    labels[label[1]!] = label[2]!.replaceAll(/\\(.)/g, (_, next: string) => (next === 'n' ? '\n' : next));
  }
  return labels;
}
