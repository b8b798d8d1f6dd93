/** The inspector of the local runtime: how much of its heap is alive. */

interface Usage {
  usedSize?: number;
  /** Array buffers: outside the heap, but part of what an object may use. */
  backingStorageSize?: number;
}

interface Reply {
  id: number;
  result?: Usage;
  error?: { message: string };
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #poke: () => Promise<unknown>;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket, poke: () => Promise<unknown>) {
    this.#socket = socket;
    this.#poke = poke;
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(data as string) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  /**
   * @param url of miniflare's inspector
   * @param poke makes the worker run: it collects garbage only when it does
   */
  static async open(url: URL, poke: () => Promise<unknown>): Promise<Inspector> {
    const socket = new WebSocket(new URL('/core:user:posthorn', url).href);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('the inspector cannot be reached')));
    });
    const inspector = new Inspector(socket, poke);
    await inspector.#call('HeapProfiler.enable');
    return inspector;
  }

  /** What is alive in the worker after a collection, array buffers included, in MB with one decimal. */
  async heapMb(): Promise<number> {
    const collected = this.#call('HeapProfiler.collectGarbage');
    await this.#poke();
    await collected;
    const { usedSize = 0, backingStorageSize = 0 } = await this.#call('Runtime.getHeapUsage');
    return Math.round(((usedSize + backingStorageSize) / 2 ** 20) * 10) / 10;
  }

  close(): void {
    this.#socket.close();
  }

  async #call(method: string): Promise<Usage> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method }));
    const { result, error } = await promise;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }
}
