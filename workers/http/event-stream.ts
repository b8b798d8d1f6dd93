/**
 * Event stream: server-sent events whose last value is all that counts. A client that reads slowly misses values between, and
 * never waits for what is old.
 */

import { EVENT_STREAM_TYPE } from '../../protocol/headers/media-types.ts';

/** Between two events. */
const PAUSE_MS = 2_000;

/** Between two signs of life, by which a client that has gone is noticed. */
const SIGN_MS = 10_000;

/** A value is read again after so long, because parts of it change by time alone. */
const FRESH_MS = 30_000;

export interface EventSource {
  readonly event: string;
  /** The value of the first event. */
  readonly first: string;
  read(): Promise<string>;
  /** Called once, when nobody listens any more. */
  ended(): void;
}

export interface EventStream {
  readonly response: Response;
  /** The value has changed. */
  changed(): void;
  end(): void;
}

/** @param waitUntil keeps the request alive while the stream is open */
export function eventStream(source: EventSource, waitUntil: (work: Promise<unknown>) => void): EventStream {
  const encoder = new TextEncoder();
  let isChanged = false;
  let isOver = false;
  let wake = (): void => {};
  const woken = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    source.ended();
    wake();
  };
  const run = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const send = (text: string): void => {
      if (!isOver) controller.enqueue(encoder.encode(text));
    };
    try {
      let value = source.first;
      send('retry: 2000\n\n');
      while (!isOver) {
        send(`event: ${source.event}\ndata: ${value}\n\n`);
        const sentMs = Date.now();
        while (!isOver && Date.now() - sentMs < PAUSE_MS) await woken(PAUSE_MS);
        for (let waitedMs = 0; !isOver && !isChanged && waitedMs < FRESH_MS; waitedMs = Date.now() - sentMs) {
          await woken(SIGN_MS);
          send(': alive\n\n');
        }
        while (!isOver && (controller.desiredSize ?? 1) <= 0) await woken(SIGN_MS);
        isChanged = false;
        if (!isOver) value = await source.read();
      }
    } catch (error) {
      console.error(`a stream of ${source.event} events ends`, error);
    }
    end();
    try {
      controller.close();
    } catch {
      // The client has left.
    }
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => waitUntil(run(controller)),
    pull: () => wake(),
    cancel: end,
  });
  const headers = { 'content-type': EVENT_STREAM_TYPE, 'cache-control': 'no-store' };
  return {
    response: new Response(body, { headers }),
    changed: () => {
      isChanged = true;
      wake();
    },
    end,
  };
}
