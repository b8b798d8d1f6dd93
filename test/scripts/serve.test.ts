/** `npm start`: what it says, how it stops, what it survives, and what it refuses. */

import { connect, type ChannelModel } from 'amqplib';
import { Kafka, logLevel } from 'kafkajs';
import { execFileSync, execSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FetchReply } from '../../protocol/schemas/records.ts';
import { answers, isAlive, ServeProcess, until } from '../support/broker/serve-process.ts';
import { VERSION } from '../../protocol/version.ts';

let folder: string;
let running: ServeProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'posthorn-serve-'));
  running = [];
});

afterEach(async () => {
  for (const serve of running) serve.killGroup('SIGKILL');
  await Promise.all(running.map(({ exit }) => exit));
  rmSync(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): ReturnType<typeof ServeProcess.start> {
  const serve = await ServeProcess.start({ POSTHORN_DATA: join(folder, 'data'), ...env });
  running.push(serve);
  return serve;
}

/** Runs it to its end, which should be soon. */
async function refusal(env: Record<string, string>): Promise<{ code: number | null; text: string }> {
  const serve = new ServeProcess({ POSTHORN_DATA: join(folder, 'data'), ...env });
  running.push(serve);
  const code = await serve.exit;
  expect(serve.stdout).toBe('');
  return { code, text: serve.stderr };
}

async function produce(url: string, value: string): Promise<void> {
  const topic = `${url}/v1/default/topics/kept`;
  await fetch(topic, { method: 'PUT' });
  const response = await fetch(`${topic}/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ records: [{ value }] }),
  });
  expect(response.status).toBe(200);
}

async function values(url: string): Promise<unknown[]> {
  const response = await fetch(`${url}/v1/default/topics/kept/partitions/0/records`);
  return ((await response.json()) as FetchReply).records.map(({ value }) => value);
}

function listen(port = 0): Promise<Server & { port: number }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () =>
      resolve(Object.assign(server, { port: (server.address() as { port: number }).port })),
    );
  });
}

describe('what it prints', () => {
  it.each([
    ['that calls need no token', {}, /^Calls from this machine need no token\.$/m],
    [
      'that calls need one',
      { POSTHORN_ROOT_TOKEN: 'old, new' },
      /^Every call needs a token: .* POSTHORN_TOKEN/m,
    ],
  ])('says %s, and shows three curl lines that work', async (_what, env, says) => {
    const serve = new ServeProcess({ POSTHORN_DATA: join(folder, 'data'), ...env });
    running.push(serve);
    await serve.said(/Ctrl-C/);
    expect(serve.stdout).toMatch(says);
    const lines = serve.stdout.match(/^ {2}curl .*$/gm) ?? [];
    expect(lines).toHaveLength(3);
    const [declared, produced, fetched] = await inOrder(
      lines.map((line) => line.replace('$POSTHORN_TOKEN', 'new')),
    );
    expect(declared).toMatchObject({ topic: 'hello' });
    expect(produced).toMatchObject({ offsets: [{ partition: 0, offset: 0 }] });
    expect(fetched).toMatchObject({ records: [{ key: 'greeting', value: 'hello, world' }], next_offset: 1 });
    expect(serve.stderr).toBe('');
  });

  it('says where it is as JSON, for scripts', async () => {
    const { info, child, stdout } = await start();
    expect(info).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      dataPath: join(folder, 'data'),
      pid: child.pid,
      workerdPid: expect.any(Number),
      version: VERSION,
    });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(isAlive(info.workerdPid)).toBe(true);
  });
});

describe('stopping', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('is clean and prompt on %s', async (signal) => {
    const serve = await start();
    await produce(serve.info.url, 'a');
    serve.child.kill(signal);
    expect(await serve.exit, 'it ends with 1 when its stop takes too long').toBe(0);
    expect(isAlive(serve.info.workerdPid)).toBe(false);
    expect(serve.stderr).toBe('');
  });

  it('is as clean when the terminal tells every process of the group', async () => {
    const serve = await start();
    serve.killGroup('SIGINT');
    serve.killGroup('SIGINT');
    expect(await serve.exit).toBe(0);
    await until('nothing listens any more', async () => !(await answers(serve.info.url)));
    expect(serve.stderr).toBe('');
  });

  it('keeps what was acknowledged', async () => {
    const first = await start();
    await produce(first.info.url, 'a');
    first.child.kill('SIGTERM');
    await first.exit;
    const second = await start();
    expect(await values(second.info.url)).toEqual(['a']);
  });
});

describe('being killed', () => {
  it('leaves no orphan and no lock behind', async () => {
    const first = await start();
    await produce(first.info.url, 'a');
    first.child.kill('SIGKILL');
    expect(await first.exit).toBe(null);
    await until('workerd is gone too', () => !isAlive(first.info.workerdPid));
    const second = await start();
    expect(await values(second.info.url)).toEqual(['a']);
  });

  it('starts workerd again on the same port when only that dies', async () => {
    const { info, ...serve } = await start();
    await produce(info.url, 'a');
    process.kill(info.workerdPid, 'SIGKILL');
    await until('it answers again', () => answers(info.url));
    expect(await values(info.url)).toEqual(['a']);
    await produce(info.url, 'b');
    expect(await values(info.url)).toEqual(['a', 'b']);
    const holder = JSON.parse(readFileSync(join(info.dataPath, 'broker.json'), 'utf8')) as object;
    expect(holder).toEqual({ pid: info.pid, url: info.url, workerdPid: expect.any(Number) });
    expect(holder).not.toMatchObject({ workerdPid: info.workerdPid });
    serve.child.kill('SIGTERM');
    expect(await serve.exit).toBe(0);
  });

  it('gives up with a reason when it cannot start workerd again', async () => {
    const serve = await start();
    process.kill(serve.info.workerdPid, 'SIGKILL');
    let thief: Server | undefined;
    await until('the port is free to be taken', async () => {
      thief = await listen(Number(new URL(serve.info.url).port)).catch(() => undefined);
      return thief !== undefined;
    });
    try {
      expect(await serve.exit).toBe(1);
      expect(serve.stderr).toContain(
        'posthorn: the runtime ended and could not be started again: another program has taken the port',
      );
    } finally {
      thief!.close();
    }
  });
});

describe('AMQP', () => {
  it('is taken by a process that ends with the broker, and a port that is taken is a warning', async () => {
    const port = await freePort();
    const serve = await start({ POSTHORN_AMQP_PORT: String(port) });
    const connection = await untilConnected(`amqp://guest:guest@127.0.0.1:${port}`);
    connection.on('error', () => {});
    const other = new ServeProcess({
      POSTHORN_DATA: join(folder, 'other'),
      POSTHORN_AMQP_PORT: String(port),
    });
    running.push(other);
    await until('the warning', () =>
      Promise.resolve(other.stderr.includes(`port ${port} for AMQP is taken`)),
    );
    const closed = once(connection, 'close');
    serve.child.kill('SIGTERM');
    expect((await closed)[0]).toMatchObject({ code: 320 });
    expect(await serve.exit).toBe(0);
    await expect(connect(`amqp://guest:guest@127.0.0.1:${port}`)).rejects.toThrow('ECONNREFUSED');
  });

  async function freePort(): Promise<number> {
    const server = await listen();
    await new Promise((resolve) => server.close(resolve));
    return server.port;
  }

  async function untilConnected(address: string): Promise<ChannelModel> {
    let connection: ChannelModel | undefined;
    await until('AMQP answers', async () => {
      connection = await connect(address).catch(() => undefined);
      return connection !== undefined;
    });
    return connection!;
  }
});

describe('Kafka', () => {
  it('is taken by a process that ends with the broker, and makes topics that are asked for', async () => {
    const server = await listen();
    await new Promise((resolve) => server.close(resolve));
    const serve = await start({ POSTHORN_KAFKA_PORT: String(server.port) });
    const producer = new Kafka({
      brokers: [`127.0.0.1:${server.port}`],
      logLevel: logLevel.NOTHING,
      retry: { retries: 100, factor: 0, initialRetryTime: 50 },
    }).producer();
    await producer.connect();
    const stored = await producer.send({ topic: 'greetings', messages: [{ value: 'hello' }] });
    expect(stored).toMatchObject([{ errorCode: 0, baseOffset: '0' }]);
    await producer.disconnect();
    serve.child.kill('SIGTERM');
    expect(await serve.exit).toBe(0);
  });
});

describe('what it refuses, saying why', () => {
  it('a port that is taken', async () => {
    const server = await listen();
    try {
      const { code, text } = await refusal({ PORT: String(server.port) });
      expect(code).toBe(1);
      expect(text).toBe(
        `posthorn: port ${server.port} of 127.0.0.1 is taken by another program.\n` +
          `Choose another: PORT=${server.port + 1} npm start\n`,
      );
    } finally {
      server.close();
    }
  });

  it.each(['eighty', '-1', '65536', '80.5', '0x50'])('PORT=%s', async (port) => {
    const { code, text } = await refusal({ PORT: port });
    expect(code).toBe(1);
    expect(text).toBe(`posthorn: PORT is "${port}", which is not a number from 0 to 65535\n`);
  });

  it('a host that is not of this machine', async () => {
    const { code, text } = await refusal({ HOST: '192.0.2.1', POSTHORN_ROOT_TOKEN: 'root' });
    expect(code).toBe(1);
    expect(text).toContain('192.0.2.1 is not an address of this machine');
  });

  it('a host that others reach, without a root token', async () => {
    const { code, text } = await refusal({ HOST: '0.0.0.0' });
    expect(code).toBe(1);
    expect(text).toBe(
      'posthorn: 0.0.0.0 can be reached from other machines, and a broker that others reach needs a root token.\n' +
        'Set one: POSTHORN_ROOT_TOKEN=<token> npm start; `openssl rand -hex 32` makes one\n',
    );
  });

  it('a data folder that is a file, lies below one, or cannot be made', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'below'), '/proc/posthorn']) {
      const { code, text } = await refusal({ POSTHORN_DATA: path });
      expect(code).toBe(1);
      expect(text).toMatch(
        /^posthorn: the data folder \S+ cannot be used: .+\.\nChoose another: POSTHORN_DATA=<folder> npm start\n$/,
      );
      expect(text).toContain(path);
    }
  });

  it('a data folder that another broker uses', async () => {
    const { info } = await start();
    const { code, text } = await refusal({});
    expect(code).toBe(1);
    expect(text).toContain(`is in use by another broker (process ${info.pid} at ${info.url})`);
    expect(text).toContain('Stop it first, or choose another folder');
    expect(await answers(info.url)).toBe(true);
  });
});

async function inOrder(lines: string[]): Promise<unknown[]> {
  const replies: unknown[] = [];
  for (const line of lines) replies.push(hasCurl() ? runCurl(line) : await playCurl(line));
  return replies;
}

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function runCurl(line: string): unknown {
  return JSON.parse(execSync(`${line} --silent --fail`, { encoding: 'utf8' }));
}

/** For a machine without curl. */
async function playCurl(line: string): Promise<unknown> {
  const words = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
    .map(([, single, double, bare]) => single ?? double ?? bare!)
    .slice(1);
  const option = (name: string): string | undefined =>
    words.includes(name) ? words[words.indexOf(name) + 1] : undefined;
  const headers = words.flatMap((word, index) =>
    words[index - 1] === '-H' ? [word.split(': ') as [string, string]] : [],
  );
  const response = await fetch(
    words.find((word) => word.startsWith('http'))!,
    {
      method: option('-X') ?? 'GET',
      ...(option('-d') === undefined ? {} : { body: option('-d')! }),
      headers,
    },
  );
  return await response.json();
}
