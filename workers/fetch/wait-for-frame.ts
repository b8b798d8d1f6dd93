/** Wait for a frame: waits on a socket for its one message. */

/** How long the other side may take to close what was closed here. What comes later is lost with its lease. */
const CLOSING_MS_MAX = 10_000;

export interface Wait {
  /** The message; null if none came in time or the client has left; `given up` if the other side ended it. */
  frame: Promise<Uint8Array | null | 'given up'>;
  /** A message that was under way when the wait ended without one; null if there was none. */
  late: Promise<Uint8Array | null>;
}

export function waitForFrame(socket: WebSocket, waitMs: number, signal: AbortSignal): Wait {
  const frame = Promise.withResolvers<Uint8Array | null | 'given up'>();
  const late = Promise.withResolvers<Uint8Array | null>();
  let isOver = false;
  const end = (result: Uint8Array | null | 'given up'): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
    frame.resolve(result);
    socket.close(1000, 'done');
    if (result === null) setTimeout(() => late.resolve(null), CLOSING_MS_MAX);
    else late.resolve(null);
  };
  const leave = (): void => end(null);
  const timer = setTimeout(() => end(null), waitMs);
  signal.addEventListener('abort', leave);
  socket.addEventListener('message', ({ data }) => {
    const bytes = new Uint8Array(data as ArrayBuffer);
    if (isOver) late.resolve(bytes);
    else end(bytes);
  });
  for (const event of ['close', 'error'] as const) {
    socket.addEventListener(event, () => {
      end('given up');
      late.resolve(null);
    });
  }
  socket.binaryType = 'arraybuffer';
  socket.accept();
  if (signal.aborted) leave();
  return { frame: frame.promise, late: late.promise };
}
