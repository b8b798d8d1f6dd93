/** What the runtime does only in the worst moment: a socket that refuses what is sent on it. */

import { expect, it } from 'vitest';
import { Consumers, type Poll } from '../../../durable-objects/queue/consumers.ts';

class FakeSocket {
  readonly readyState = WebSocket.OPEN;
  readonly sent: unknown[] = [];
  #attachment: unknown;

  constructor(poll: Partial<Poll>, sinceMs: number, isLeft: boolean) {
    this.#attachment = { max: 1, bytesMax: 1, consumerId: '', ...poll, sinceMs, isAnswered: false };
    if (isLeft) this.send = () => this.#fail();
  }

  serializeAttachment(attachment: unknown): void {
    this.#attachment = attachment;
  }
  deserializeAttachment(): unknown {
    return this.#attachment;
  }
  send(data: unknown): void {
    this.sent.push(data);
  }
  close(): void {}

  #fail(): void {
    throw new TypeError("can't send on a socket that is closed");
  }
}

function consumersWith(...sockets: FakeSocket[]): Consumers {
  return new Consumers({ getWebSockets: () => sockets } as unknown as DurableObjectState);
}

const BYTES = new Uint8Array([1]);
const serve = (consumers: Consumers): (Uint8Array | null)[] =>
  consumers
    .serve(
      () => true,
      () => BYTES,
    )
    .map((send) => send());

it('what cannot be sent to one who polls comes back at once, and nobody waits any more', () => {
  const left = new FakeSocket({}, 1, true);
  const there = new FakeSocket({}, 2, false);
  const consumers = consumersWith(left, there);
  expect(serve(consumers)).toEqual([BYTES, null]);
  expect(there.sent).toEqual([BYTES]);
  expect(consumers.count()).toBe(0);
});

it('what cannot be sent on a stream goes back when the stream is known to have ended', () => {
  const stream = new FakeSocket({ prefetch: 5, isBinary: true }, 1, true);
  expect(serve(consumersWith(stream))).toEqual([null]);
});
