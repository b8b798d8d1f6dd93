/** What alert rules and the Grafana dashboard ask for is there, and stands in the page about metrics. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { METRIC_NAMES } from '../../core/metrics/families.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const namesIn = async (file: string): Promise<string[]> => [
  ...new Set((await readFile(join(DOCS, file), 'utf8')).match(/posthorn_[a-z_]+[a-z]/g)),
];

it.each(['operate/alert-rules.yml', 'operate/grafana-dashboard.json'])(
  '%s asks for known metrics',
  async (file) => {
    const unknown = (await namesIn(file)).filter((name) => !METRIC_NAMES.includes(name));
    expect(unknown).toEqual([]);
  },
);

it('the page names every metric', async () => {
  const page = await readFile(join(DOCS, 'metrics.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `posthorn_'));
  const named = rows.flatMap((row) => {
    const [first = '', ...others] = row
      .split('|')[1]!
      .match(/`[a-z_]+`/g)!
      .map((text) => text.slice(1, -1));
    const family = first.replace(
      /_(messages_published_total|consumers|message_bytes|high_watermark|size_bytes|expired_total)$/,
      (end) => (end === '_messages_published_total' ? '_messages' : ''),
    );
    return [first, ...others.map((end) => family + end)];
  });
  expect(named.sort()).toEqual([...METRIC_NAMES].sort());
});
