/** The package as somebody gets it: packed, installed in an empty project, type-checked, bundled and run. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { connect } from 'amqplib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const MiB = 1024 * 1024;

let project: string;
let packed: { filename: string; unpackedSize: number; files: { path: string }[] };

const write = async (path: string, text: string): Promise<void> => {
  await mkdir(join(project, path, '..'), { recursive: true });
  await writeFile(join(project, path), text);
};
const node = async (...args: string[]): Promise<string> => {
  try {
    return (await run(process.execPath, args, { cwd: project })).stdout;
  } catch (error) {
    const { message, stdout } = error as Error & { stdout: string };
    throw new Error(`${message}\n${stdout}`, { cause: error }); // compilers tell what is wrong on their output
  }
};

beforeAll(async () => {
  project = await mkdtemp(join(process.env['POSTHORN_TEST_FOLDER'] ?? tmpdir(), 'posthorn-package-'));
  await run(process.execPath, [join(ROOT, 'scripts/package/build.ts')]);
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', project];
  [packed] = JSON.parse((await run('npm', pack, { cwd: ROOT })).stdout) as [typeof packed];
  await write('package.json', '{ "private": true, "type": "module" }');
  const install = ['install', '--offline', '--no-audit', '--no-fund', join(project, packed.filename)];
  await run('npm', install, { cwd: project });
  // The runtime of the project under test, instead of one that is installed over the network.
  await symlink(join(ROOT, 'node_modules/miniflare'), join(project, 'node_modules/miniflare'));
  await mkdir(join(project, 'node_modules/@opentelemetry'));
  await symlink(
    join(ROOT, 'node_modules/@opentelemetry/api'),
    join(project, 'node_modules/@opentelemetry/api'),
  );
}, 120_000);
afterAll(() => rm(project, { recursive: true, force: true }));

describe('the package', () => {
  it('has no dependencies, no sources and at most 12 MiB', async () => {
    expect(packed.unpackedSize).toBeLessThan(12 * MiB);
    const paths = packed.files.map(({ path }) => path);
    expect(paths.filter((path) => !/^(dist\/|package\.json$|README\.md$|LICENSE$)/.test(path))).toEqual([]);
    const manifest = JSON.parse(
      await readFile(join(project, 'node_modules/posthorn/package.json'), 'utf8'),
    ) as {
      dependencies?: object;
      bin: Record<string, string>;
    };
    expect(manifest.dependencies ?? {}).toEqual({});
    expect(
      (await stat(join(project, 'node_modules/posthorn', manifest.bin['posthorn']!))).mode & 0o111,
    ).not.toBe(0);
  });

  it('has types that a strict compiler takes, and that name no other package', async () => {
    await write('src/app.ts', APP);
    await write('src/worker.ts', WORKER);
    const strict = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
    };
    for (const [module, moduleResolution] of [
      ['NodeNext', 'NodeNext'],
      ['ESNext', 'bundler'],
    ]) {
      const compilerOptions = {
        ...strict,
        module,
        moduleResolution,
        target: 'ES2024',
        lib: ['ESNext', 'DOM'],
        noEmit: true,
        types: [],
      };
      await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['src'] }));
      expect(await node(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.')).toBe('');
    }
  }, 60_000);

  it('runs a broker in a test, and resets it between tests', async () => {
    await write('testing.mjs', TESTING);
    expect(JSON.parse(await node('testing.mjs'))).toEqual({
      first: { n: 1 },
      isError: true,
      topics: 0,
      queues: 0,
    });
  }, 60_000);

  it('has a command that runs a broker', async () => {
    const cli = join(project, 'node_modules/.bin/posthorn');
    expect(await node(cli, 'version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    const dev = spawn(
      process.execPath,
      [cli, 'dev', '--port', '0', '--amqp-port', '0', '--kafka-port', '0', '--json'],
      {
        cwd: project,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const ended = new Promise((resolve) => dev.on('close', resolve));
    const first = await new Promise<string>((resolve) =>
      dev.stdout.once('data', (chunk: Buffer) => resolve(String(chunk))),
    );
    const { url, dataPath } = JSON.parse(first) as { url: string; dataPath: string };
    expect(dataPath).toBe(join(project, '.posthorn'));
    expect(await node(cli, 'topics', 'create', 'orders', '--url', url)).toContain('orders');
    await throughGateway(cli, url);
    dev.kill('SIGINT');
    expect(await ended).toBe(0);
  }, 60_000);

  /** An AMQP client publishes a message through the gateway of the package, and takes it back. */
  async function throughGateway(cli: string, url: string): Promise<void> {
    const gateway = spawn(process.execPath, [cli, 'gateway', '--url', url, '--amqp', '0'], {
      cwd: project,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => gateway.on('close', resolve));
    const [said] = (await once(gateway.stdout, 'data')) as [Buffer];
    const port = /^AMQP 0-9-1 on 127\.0\.0\.1:(\d+), for /.exec(String(said))![1];
    const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}/`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('mails');
    channel.sendToQueue('mails', Buffer.from('hello'));
    await channel.waitForConfirms();
    const got = await channel.get('mails');
    expect(got && got.content.toString()).toBe('hello');
    await connection.close();
    gateway.kill('SIGINT');
    expect(await ended).toBe(0);
  }
});

describe('a bundle', () => {
  const bundle = async (contents: string): Promise<number> => {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: project },
      bundle: true,
      minify: true,
      format: 'esm',
      write: false,
    });
    return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
  };

  it('that only produces has at most 15 KB compressed, the whole client 51 KB, a subscriber 3 KB', async () => {
    expect(await bundle(`export { createProducer } from 'posthorn';`)).toBeLessThan(15_000);
    expect(await bundle(`export { Posthorn } from 'posthorn';`)).toBeLessThan(51_000);
    expect(await bundle(`export { subscriber } from 'posthorn/subscriber';`)).toBeLessThan(3_000);
  });

  it('of a Vite page is built without Node', async () => {
    await write('page/index.html', '<script type="module" src="./page.js"></script>');
    await write(
      'page/page.js',
      `import { Posthorn } from 'posthorn'; console.log(new Posthorn({ url: location.origin }));`,
    );
    const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
    const stdout = await node(vite, 'build', 'page', '--logLevel', 'warn');
    expect(stdout).not.toMatch(/externalized|node:/);
  }, 60_000);

  it('of a Worker of one’s own is taken by wrangler', async () => {
    const toml = await readFile(join(project, 'node_modules/posthorn/dist/wrangler.toml'), 'utf8');
    await write('worker/wrangler.toml', toml.replace(/^main = .*$/m, 'main = "worker.ts"'));
    await write('worker/worker.ts', WORKER);
    const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
    const { stdout } = await run(
      process.execPath,
      [wrangler, 'deploy', '--dry-run', '--outdir', join(project, 'out')],
      {
        cwd: join(project, 'worker'),
        env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
      },
    );
    expect(stdout).toContain('env.PARTITION');
    // As wrangler uploads it. Each isolate reads all of it before its first request, and evaluates the routes that it serves.
    const uploaded = await readFile(join(project, 'out/worker.js'));
    expect(uploaded.length).toBeLessThan(1_100_000);
    expect(gzipSync(uploaded, { level: 9 }).length).toBeLessThan(360_000);
    expect(String(uploaded)).not.toContain('Ungültige Eingabe'); // a language of zod's messages
  }, 60_000);

  it('that `posthorn deploy` uploads is several modules, of which an isolate evaluates 550 KB when it starts', async () => {
    const worker = join(project, 'node_modules/posthorn/dist/worker');
    const modules = new Map<string, string>();
    for (const name of await readdir(worker)) modules.set(name, await readFile(join(worker, name), 'utf8'));
    const started = new Set(['index.mjs']);
    for (const name of started) {
      for (const [, other] of modules.get(name)!.matchAll(/(?:from|import)"\.\/([^"]+)"/g))
        started.add(other!);
    }
    const bytes = (names: Iterable<string>): number =>
      [...names].reduce((sum, name) => sum + modules.get(name)!.length, 0);
    expect(bytes(started)).toBeLessThan(550_000);
    // AMQP over WebSocket is 120 KB of it, which an isolate evaluates with the first such connection.
    expect(bytes(modules.keys())).toBeLessThan(1_280_000);

    const wrangler = join(ROOT, 'node_modules/wrangler');
    const cli = join(project, 'node_modules/posthorn/dist/cli.js');
    await symlink(wrangler, join(project, 'node_modules/wrangler'));
    expect(await node(cli, 'deploy', '--dry-run')).toContain('The Worker builds');
  }, 60_000);
});

const APP = `
import * as api from '@opentelemetry/api';
import { openTelemetry, Posthorn, PosthornError, createProducer, version, type ReceivedRecord } from 'posthorn';
import { subscriber } from 'posthorn/subscriber';
import { startBroker } from 'posthorn/testing';

export const handler = {
  posthorn: subscriber<{ readonly limit: number }>(({ messages }, { limit }) => {
    for (const message of messages) if (message.json<number>()! > limit) message.retry({ delayMs: 1_000 });
  }),
};
const broker = await startBroker();
const posthorn: Posthorn = broker.client({ namespace: 'default', tracing: openTelemetry(api) });
const { offset }: { offset: number } = await posthorn.producer().send('orders', { key: 'a', value: { total: 12 } });
for await (const record of posthorn.reader('orders')) {
  const received: ReceivedRecord = record;
  console.log(received.json<{ total: number }>()?.total, offset, version);
}
try {
  await createProducer({ url: broker.url }).send('orders', { value: 1 });
} catch (error) {
  if (error instanceof PosthornError && error.code === 'topic_not_found') console.log(error.retryable);
}
// @ts-expect-error a topic has a name
await posthorn.topics.get(12);
await broker.reset();
await broker.stop();
`;

const WORKER = `
import broker from 'posthorn/worker';
export { Directory, Group, Overview, Partition, Queue, ReplyMailbox, Schedule, Subscription, Topology, TopologyFollower, Transaction } from 'posthorn/worker';

export default {
  fetch: (request: Request, env: object, context: object): Promise<Response> => broker.fetch(request, env, context),
  scheduled: broker.scheduled,
};
`;

const TESTING = `
import { PosthornError } from 'posthorn';
import { startBroker } from 'posthorn/testing';

const broker = await startBroker();
const posthorn = broker.client();
await posthorn.topics.declare('orders');
await posthorn.queues.declare('mails');
await posthorn.publisher().sendToQueue('mails', { body: { n: 1 } });
let first;
for await (const message of posthorn.messages('mails')) {
  first = message.json();
  await message.ack();
  break;
}
const error = await posthorn.topics.get('nothing').catch((error) => error);
await broker.reset();
const topics = (await posthorn.topics.list()).length;
const queues = (await posthorn.queues.list()).length;
await broker.stop();
console.log(JSON.stringify({ first, isError: error instanceof PosthornError, topics, queues }));
process.exit(0);
`;
