/** Node report: the gateway's process, as monitoring plugins read a node of RabbitMQ. */

import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { VERSION } from '../../protocol/version.ts';
import { NODE } from './shown.ts';

/** What has no counterpart is 0 of a total that is never reached: plugins divide by it. */
export function nodeReport(): object {
  const { used, total } = openFiles();
  return {
    name: NODE,
    type: 'disc',
    running: true,
    os_pid: String(process.pid),
    uptime: Math.round(process.uptime() * 1_000),
    processors: availableParallelism(),
    run_queue: 0,
    mem_used: process.memoryUsage().rss,
    mem_limit: totalmem(),
    mem_alarm: false,
    disk_free_alarm: false,
    fd_used: used,
    fd_total: total,
    sockets_used: 0,
    sockets_total: total,
    proc_used: 0,
    proc_total: 1_048_576,
    partitions: [],
    rates_mode: 'none',
    exchange_types: exchangeTypes(),
    applications: [{ name: 'posthorn', description: 'Posthorn gateway', version: VERSION }],
  };
}

export const exchangeTypes = (): object[] =>
  ['direct', 'fanout', 'topic', 'headers', 'x-consistent-hash'].map((name) => ({ name, enabled: true }));

/** Where the system does not say, as where there is no /proc, 0 of the usual limit. */
function openFiles(): { used: number; total: number } {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return { used: readdirSync('/proc/self/fd').length, total: Number(limit ?? 1_024) };
  } catch {
    return { used: 0, total: 1_024 };
  }
}
