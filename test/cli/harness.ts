/** The command within the test process: its streams are texts. */

import { EventEmitter } from 'node:events';
import type { OutputStream } from '../../sdk/cli/output/output.ts';
import { run } from '../../sdk/cli/run.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string | AsyncIterable<Uint8Array | string>;
  env?: Record<string, string>;
  signal?: AbortSignal;
  folder?: string;
  /** Standard output and error are a terminal of this width. */
  columns?: number;
  /** The reader of standard output leaves after this many writes. */
  writesMax?: number;
  onStdout?: (text: string) => void;
}

class TextStream extends EventEmitter implements OutputStream {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  readonly #writesMax: number;
  readonly #onText: (text: string) => void;
  #writes = 0;

  constructor({ columns, writesMax = Infinity, onStdout = () => {} }: RunOptions) {
    super();
    this.isTTY = columns !== undefined;
    this.columns = columns;
    this.#writesMax = writesMax;
    this.#onText = onStdout;
  }

  write(chunk: string | Uint8Array, callback?: (error?: Error | null) => void): boolean {
    if (++this.#writes > this.#writesMax) {
      const error = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      this.emit('error', error);
      callback?.(error);
      return false;
    }
    this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    this.#onText(this.text);
    queueMicrotask(() => callback?.());
    return true;
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield Buffer.from(text);
}

/** Runs `posthorn` with these words. The environment is empty but for what is given, and the home is nobody's. */
export async function posthorn(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { stdin = '', env = {}, signal = new AbortController().signal, folder = process.cwd() } = options;
  const stdout = new TextStream(options);
  const { writesMax: _, onStdout: _unused, ...terminal } = options;
  const stderr = new TextStream(terminal);
  const code = await run(argv, {
    stdin: typeof stdin === 'string' ? once(stdin) : stdin,
    stdout,
    stderr,
    env: { HOME: '/nowhere', ...env },
    signal,
    folder,
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** The JSON documents of standard output, one a line. */
export function linesOf({ stdout }: Ran): unknown[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
