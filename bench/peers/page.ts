/** Page of the comparison: tables for the terminal, and docs/performance.md with its chart. */

import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { AwaitedTimes, PeersResult, Rates } from './compare.ts';

const DOCS = join(import.meta.dirname, '../../docs');

export function printPeers(result: PeersResult): void {
  console.log(
    '\nPosthorn and its peers, one awaited message: ms to the confirmation, and to a waiting consumer',
  );
  console.table(
    result.publish.map(({ name, p50Ms, p99Ms }) => {
      const met = result.deliver.find((each) => each.name === name)!;
      return { name, 'publish p50': p50Ms, p99: p99Ms, 'deliver p50': met.p50Ms, 'deliver p99': met.p99Ms };
    }),
  );
  for (const [title, rates] of ratesOf(result)) {
    console.log(title);
    console.table(
      rates.map(({ name, rates: rounds, median }) => ({ name, median, rounds: rounds.join(' ') })),
    );
  }
}

/** Writes the page and the chart. */
export async function writePerformancePage(result: PeersResult, at: string): Promise<void> {
  await writeFile(join(DOCS, 'images/performance.svg'), chart(result));
  await writeFile(join(DOCS, 'performance.md'), page(result, at));
}

function ratesOf(result: PeersResult): [string, Rates[]][] {
  const { messages, records, queue, produce, consume } = result;
  return [
    [
      `Queue: ${messages.toLocaleString('en')} messages published, delivered and acknowledged, messages/s`,
      queue,
    ],
    [`Log: ${records.toLocaleString('en')} records produced, records/s`, produce],
    [`Log: the same read, records/s`, consume],
  ];
}

function page(result: PeersResult, at: string): string {
  const { contenders, publish, deliver, load, rounds, awaited } = result;
  const met = (name: string): AwaitedTimes => deliver.find((each) => each.name === name)!;
  const lines = [
    '# Performance',
    '',
    '`npm run bench -- --peers` writes this page. It starts the brokers that are installed, each so that a confirmed message is on disk, and measures them',
    `in turn with Node clients on the same machine. This run: ${at.slice(0, 10)}, ${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown kind'}, Node ${process.version}, load ${load.toFixed(1)} before it. Machines differ: read the ratios.`,
    '',
    '![One awaited message, and many in a window: Posthorn beside its peers.](images/performance.svg)',
    '',
    '## One awaited message',
    '',
    `What a newcomer writes first: \`await publish(...)\`, 100 bytes, ${awaited} of each, 20 of one broker and then 20 of the next, after 2,000 that are not counted. In ms.`,
    '',
    '| broker | to the confirmation, p50 / p99 | to a waiting consumer, p50 / p99 |',
    '|---|---|---|',
    ...publish.map(
      ({ name, p50Ms, p99Ms }) =>
        `| ${name} | ${p50Ms} / ${p99Ms} | ${met(name).p50Ms} / ${met(name).p99Ms} |`,
    ),
    '',
    '## Many messages',
    '',
    `1,000 unconfirmed, and 1,000 in the hand of the consumer. Medians of ${rounds} rounds; the ratio is Posthorn's rate over theirs.`,
    ...ratesOf(result).flatMap(([title, rates]) => ['', title, '', ...rateTable(rates)]),
    '',
    '## What ran',
    '',
    ...contenders.map(({ about }) => `- ${about}`),
    '',
    'How the figures of Posthorn alone were measured is in [figures](figures.md).',
    '',
  ];
  return lines.join('\n');
}

function rateTable(rates: readonly Rates[]): string[] {
  const own = rates.find(({ name }) => name === 'Posthorn')!.median;
  return [
    '| broker | a second | rounds | ratio |',
    '|---|---|---|---|',
    ...rates.map(
      ({ name, rates: all, median }) =>
        `| ${name} | ${median.toLocaleString('en')} | ${all.map((rate) => rate.toLocaleString('en')).join(', ')} | ${(own / median).toFixed(1)} |`,
    ),
  ];
}

const WIDTH = 720;
const BAR = 18;
const LABEL = 120;

/** Bars on a scale that begins at zero, a block for each kind. */
function chart(result: PeersResult): string {
  const kinds: [string, string, [string, number][]][] = [
    ['One awaited message, to its confirmation', 'ms, p50: less is better', result.publish.map(p50)],
    ['The same, to a waiting consumer', 'ms, p50: less is better', result.deliver.map(p50)],
    ['Queue: publish, deliver, acknowledge', 'messages/s: more is better', result.queue.map(rate)],
    ['Log: produce', 'records/s: more is better', result.produce.map(rate)],
    ['Log: consume', 'records/s: more is better', result.consume.map(rate)],
  ];
  const parts: string[] = [];
  let y = 10;
  for (const [title, unit, bars] of kinds) {
    const most = Math.max(...bars.map(([, value]) => value));
    parts.push(
      `<text x="0" y="${(y += 16)}" class="title">${title}</text><text x="${WIDTH}" y="${y}" class="unit">${unit}</text>`,
    );
    y += 8;
    for (const [name, value] of bars) {
      const length = Math.max(1, Math.round(((WIDTH - LABEL - 90) * value) / most));
      parts.push(
        `<text x="0" y="${y + 13}">${name}</text>`,
        `<rect x="${LABEL}" y="${y}" width="${length}" height="${BAR - 4}" class="${name === 'Posthorn' ? 'own' : 'peer'}"/>`,
        `<text x="${LABEL + length + 6}" y="${y + 12}">${value.toLocaleString('en')}</text>`,
      );
      y += BAR;
    }
    y += 14;
  }
  const style =
    'text{font:13px system-ui,sans-serif;fill:#444}.title{font-weight:600;fill:#111}.unit{text-anchor:end;font-size:12px}.own{fill:#c2410c}.peer{fill:#94a3b8}' +
    '@media(prefers-color-scheme:dark){text{fill:#bbb}.title{fill:#eee}}';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img"><title>Posthorn beside its peers</title><style>${style}</style>\n${parts.join('\n')}\n</svg>\n`;
}

const p50 = ({ name, p50Ms }: AwaitedTimes): [string, number] => [name, p50Ms];
const rate = ({ name, median }: Rates): [string, number] => [name, median];
