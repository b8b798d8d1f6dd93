/**
 * Output: a stream that a command writes to. It waits for a slow reader, and knows when the reader has left (`consume |
 * head -1`), which ends a command without an error.
 */

/** The part of Node's `Writable` that the command uses. */
export interface OutputStream {
  write(chunk: string | Uint8Array, callback?: (error?: Error | null) => void): boolean;
  on(event: 'error' | 'close', listener: (error?: Error) => void): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export class Output {
  readonly isTerminal: boolean;
  readonly #stream: OutputStream;
  readonly #gone = new AbortController();

  constructor(stream: OutputStream) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    stream.on('error', () => this.#gone.abort());
  }

  /** Fires when the reader has left. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Of a terminal; of a file or a pipe, there is no limit. */
  get columns(): number {
    return this.isTerminal ? (this.#stream.columns ?? 80) : Infinity;
  }

  /** Resolves when the stream has taken it: true, or false if its reader has left. */
  write(chunk: string | Uint8Array): Promise<boolean> {
    if (this.#gone.signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const leave = (): void => resolve(false);
      this.#gone.signal.addEventListener('abort', leave, { once: true });
      this.#stream.write(chunk, (error) => {
        this.#gone.signal.removeEventListener('abort', leave);
        if (error) this.#gone.abort();
        resolve(!error);
      });
    });
  }

  line(text: string): Promise<boolean> {
    return this.write(`${text}\n`);
  }
}
