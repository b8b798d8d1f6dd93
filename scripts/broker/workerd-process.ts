/**
 * The workerd process below this one, about which miniflare reports nothing: its id, its log, and that it ends with
 * this process. Miniflare ends workerd when this process exits, but not when it is killed; an orphan would keep the
 * port and go on writing to the data folder.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';

export interface RuntimeLog {
  level: string;
  message: string;
}

const LAST_WORDS_MS_MAX = 500;

/** Reads process ids from a pipe that closes when this process ends, and then kills the last one it was told. */
const REAPER = `trap '' HUP INT TERM
last=
while read -r pid; do last=$pid; done
[ -z "$last" ] || kill -9 "$last" 2>/dev/null`;

export class WorkerdProcess {
  #process: ChildProcess | undefined;
  #reaper: ChildProcess | undefined;
  readonly #onLog: (log: RuntimeLog) => void;
  readonly #onSpawn = (message: unknown): void => {
    this.#latest = (message as { process: ChildProcess }).process;
  };
  #latest: ChildProcess | undefined;
  #lastWords = '';
  #stderrEnd: Promise<unknown> = Promise.resolve();

  constructor(onLog: (log: RuntimeLog) => void) {
    this.#onLog = onLog;
    subscribe('child_process', this.#onSpawn);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /**
   * Miniflare's `handleRuntimeStdio`, which it calls right after it has started workerd, the first time and after each
   * crash: the process that was started last is workerd.
   */
  readonly adopt = (stdout: Readable, stderr: Readable): void => {
    this.#process = this.#latest;
    if (process.platform !== 'win32') this.#tellReaper(String(this.pid));
    createInterface(stdout).on('line', (line) => this.#log(line));
    const errors = createInterface(stderr).on('line', (line) => this.#log(line));
    this.#lastWords = '';
    this.#stderrEnd = once(errors, 'close');
  };

  /** Why workerd, which has ended, could not go on; miniflare may report the end before it has read that. */
  async lastWords(): Promise<string> {
    await Promise.race([this.#stderrEnd, setTimeout(LAST_WORDS_MS_MAX, undefined, { ref: false })]);
    return this.#lastWords;
  }

  /** To be called when workerd has ended for good. */
  release(): void {
    unsubscribe('child_process', this.#onSpawn);
    this.#process = undefined;
    if (!this.#reaper) return;
    this.#tellReaper('');
    this.#reaper.stdin!.end();
    this.#reaper = undefined;
  }

  #tellReaper(pid: string): void {
    this.#reaper ??= startReaper();
    this.#reaper.stdin!.write(`${pid}\n`);
  }

  /** workerd writes a JSON object in each line, except for its last words before it dies. */
  #log(line: string): void {
    const log = parseLog(line);
    // Addresses in the binary are of no use here.
    const message = log.message.replace(/^stack: .*$/gm, '').trim();
    if (message.startsWith('*** Fatal')) this.#lastWords = message;
    if (message !== '') this.#onLog({ level: log.level, message });
  }
}

function startReaper(): ChildProcess {
  // In a process group of its own: what Ctrl-C or a kill of the group sends does not reach it.
  const reaper = spawn('/bin/sh', ['-c', REAPER], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  // Without a shell there is no reaper. The only harm is the orphan.
  reaper.on('error', () => {});
  reaper.stdin.on('error', () => {});
  reaper.unref();
  (reaper.stdin as Socket).unref();
  return reaper;
}

function parseLog(line: string): RuntimeLog {
  try {
    const { level, message } = JSON.parse(line) as Partial<RuntimeLog>;
    if (typeof level === 'string' && typeof message === 'string') return { level, message };
  } catch {
    // Not JSON.
  }
  return { level: 'error', message: line };
}
