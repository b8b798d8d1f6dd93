/**
 * Prometheus peer: a real Prometheus that scrapes a broker, and `promtool`, which judges metrics and rules. It listens on loopback
 * and keeps its data in a directory of its own. Wants `apt-get install prometheus`.
 */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, freePorts } from './peer-process.ts';

const START_MS_MAX = 30_000;

export interface Prometheus {
  url: string;
  /** Answers a PromQL expression: label sets and values. */
  query(expression: string): Promise<{ metric: Record<string, string>; value: number }[]>;
  stop(): Promise<void>;
}

/** Runs promtool. @returns what it printed @throws if it finds fault */
export async function promtool(args: readonly string[], input = ''): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = execFile('promtool', [...args], (error, stdout, stderr) => {
      if (error) reject(new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`, { cause: error }));
      else resolve(stdout + stderr);
    });
    child.stdin!.on('error', () => {}); // it is not there
    child.stdin!.end(input);
  });
}

export async function hasPrometheus(): Promise<boolean> {
  return await promtool(['--version']).then(
    () => true,
    () => false,
  );
}

/** Starts a Prometheus that scrapes `/metrics` of a broker every second. @param target such as `127.0.0.1:8787` */
export async function startPrometheus(target: string, rules: readonly string[] = []): Promise<Prometheus> {
  const home = await mkdtemp(join(tmpdir(), 'posthorn-prometheus-'));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: [{ job_name: 'posthorn', static_configs: [{ targets: [target] }] }],
  };
  await writeFile(join(home, 'prometheus.yml'), JSON.stringify(config)); // JSON is YAML
  const [port] = await freePorts(1);
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await once(child, 'spawn');
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(home, { recursive: true, force: true });
  };
  for (const endMs = Date.now() + START_MS_MAX; ; await sleep(100)) {
    const isReady = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) break;
    if (Date.now() > endMs || child.exitCode !== null) {
      await stop();
      throw new Error('Prometheus does not start');
    }
  }
  const query: Prometheus['query'] = async (expression) => {
    const reply = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { data } = (await reply.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  };
  return { url, query, stop };
}
