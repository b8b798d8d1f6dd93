/**
 * `npm run interop:events`: the conformance tool of CloudEvents (github.com/cloudevents/conformance, needs Go) sends its events to a
 * broker of its own, whose subscriptions push them to the tool again, in each form. It builds the tool into `.interop/events`.
 */

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startBroker } from '../broker/broker.ts';
import { freePort } from '../peers/free-port.ts';

const run = promisify(execFile);
const MODULE = 'github.com/cloudevents/conformance';
const VERSION = 'v0.2.0';
const FOLDER = join(import.meta.dirname, '../../.interop/events');
const TOOL = join(FOLDER, 'cloudevents');
const FORMATS = ['cloudevents-binary', 'cloudevents-structured'] as const;
const WAIT_MS_MAX = 30_000;

/** Of an event, what the tool reads and writes. */
interface ToolEvent {
  attributes: Record<string, string>;
  data: string;
}

const events = await buildTool();
const sent = eventsOf(await readFile(events, 'utf8'));
const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-interop-'));
const broker = await startBroker({ dataPath, port: 0, vars: { POSTHORN_WEBHOOK_TARGETS: 'any' } });
try {
  for (const format of FORMATS) await sendThrough(format);
  console.log(
    `✓ ${sent.size} events of ${MODULE} ${VERSION} came out as they went in: ${FORMATS.join(', ')}`,
  );
} finally {
  await broker.stop();
  await rm(dataPath, { recursive: true, force: true });
}

/** Builds the tool, and returns the path of its events. */
async function buildTool(): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, 'go.mod'), `module interop\n\ngo 1.19\n\nrequire ${MODULE} ${VERSION}\n`);
  await writeFile(
    join(FOLDER, 'tools.go'),
    `//go:build tools\n\npackage interop\n\nimport _ "${MODULE}/cmd/cloudevents"\n`,
  );
  const options = { cwd: FOLDER, env: { ...process.env, GOFLAGS: '-mod=mod' } };
  if (!existsSync(TOOL)) await run('go', ['build', '-o', TOOL, `${MODULE}/cmd/cloudevents`], options);
  const { stdout } = await run('go', ['list', '-m', '-f', '{{.Dir}}', MODULE], options);
  return join(stdout.trim(), 'yaml/v1.0/v1_minimum.yaml');
}

async function sendThrough(format: (typeof FORMATS)[number]): Promise<void> {
  const port = await freePort();
  const listener = spawn(TOOL, ['listen', '-P', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  listener.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text));
  try {
    await put(`queues/${format}`, { dedup_window_ms: 60_000 });
    await put(`subscriptions/${format}`, {
      source: { queue: format },
      target: { url: `http://127.0.0.1:${port}/` },
      format,
      concurrency: 1,
    });
    const address = `${broker.url}/v1/default/events?queue=${format}`;
    // The second time all are known.
    for (let time = 0; time < 2; time++)
      await run(TOOL, ['invoke', address, '-f', events, '--delay', '10ms']);
    const endMs = Date.now() + WAIT_MS_MAX;
    while (eventsOf(heard).size < sent.size && Date.now() < endMs) await delay(20);
    compare(format, heard);
  } finally {
    listener.kill();
  }
}

function compare(format: string, heard: string): void {
  const came = eventsOf(heard);
  for (const [id, event] of sent) {
    const other = came.get(id);
    if (JSON.stringify(other) !== JSON.stringify(event))
      throw new Error(`${format}: ${JSON.stringify(event)} came out as ${JSON.stringify(other)}`);
  }
  const times = heard.split('\n---').length;
  if (times > sent.size + 1) throw new Error(`${format}: ${times} events came of ${sent.size}`);
}

/** Reads the documents of the tool: YAML of one form, by the id of the event. */
function eventsOf(yaml: string): Map<string, ToolEvent> {
  const found = new Map<string, ToolEvent>();
  for (const text of yaml.split(/^---$/m)) {
    const attributes: Record<string, string> = {};
    for (const name of ['specversion', 'type', 'id', 'source', 'datacontenttype']) {
      const [, value] = new RegExp(`^ +${name}: (.*)$`, 'm').exec(text) ?? [];
      if (value !== undefined) attributes[name] = value.replaceAll(/^["']|["']$/g, '');
    }
    const [, data = ''] = /^Data: (?:\|-?\n)?([^]*)/m.exec(text) ?? [];
    const isJson = /json/.test(attributes['datacontenttype'] ?? 'json');
    if (attributes['id'] !== undefined)
      found.set(attributes['id'], {
        attributes,
        data: scalarOf(data.replaceAll(/^ +/gm, ''), isJson).trim(),
      });
  }
  return found;
}

/** A text as it stands, or in quotes: those of YAML, or of JSON where a structured event has it so. */
function scalarOf(yaml: string, isJson: boolean): string {
  const whole = yaml.trim();
  const text = /^'[^]*'$/.test(whole) ? whole.slice(1, -1).replaceAll("''", "'") : whole;
  if (isJson ? !/^"[^]*\\n"$/.test(text) : !text.startsWith('"')) return text;
  const escaped = text.replaceAll(/\\U([0-9A-F]{8})/g, (_, hex: string) =>
    String.fromCodePoint(parseInt(hex, 16)),
  );
  return scalarOf(JSON.parse(escaped) as string, isJson);
}

async function put(path: string, body: object): Promise<void> {
  const url = `${broker.url}/v1/default/${path}`;
  const reply = await fetch(url, { method: 'PUT', body: JSON.stringify(body) });
  if (!reply.ok) throw new Error(`PUT ${path}: ${await reply.text()}`);
}
