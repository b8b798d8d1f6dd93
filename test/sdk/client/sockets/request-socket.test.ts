/** Requests on a socket, and the signals that give them up. */

import { describe, expect, it } from 'vitest';
import { RequestSocket } from '../../../../sdk/client/sockets/request-socket.ts';
import type { Socket } from '../../../../sdk/client/sockets/socket.ts';

type Listener = Parameters<Socket['addEventListener']>[1];

class FakeSocket implements Socket {
  binaryType = 'arraybuffer';
  readyState = 1;
  readonly #listeners: [string, Listener][] = [];

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.push([type, listener]);
  }

  tell(type: string, event: Parameters<Listener>[0] = {}): void {
    for (const [known, listener] of this.#listeners) if (known === type) listener(event);
  }

  send(): void {}

  close(): void {
    this.readyState = 3;
    this.tell('close');
  }
}

/** A signal that counts who listens to it. */
function countedSignal(): { controller: AbortController; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...given: Parameters<typeof add>) => (count++, add(...given));
  signal.removeEventListener = (...given: Parameters<typeof remove>) => (count--, remove(...given));
  return { controller, listeners: () => count };
}

function opened(): { fake: FakeSocket; socket: RequestSocket; send: RequestSocket['request'] } {
  const fake = new FakeSocket();
  const socket = new RequestSocket('POST /messages', fake, () => {});
  return { fake, socket, send: (request) => socket.request(request) };
}

const request = (signal?: AbortSignal): Parameters<RequestSocket['request']>[0] => ({
  query: '',
  batches: new Uint8Array(1),
  topologyVersion: 0,
  timeoutMs: 60_000,
  signal,
});

describe('a request on a socket', () => {
  it('is given up by its own signal, and by no other', async () => {
    const { fake, send } = opened();
    const [one, other] = [new AbortController(), new AbortController()];
    const sent = [send(request(one.signal)), send(request(other.signal)), send(request())];
    one.abort(new Error('no more'));
    await expect(sent[0]).rejects.toMatchObject({ code: 'aborted', cause: { message: 'no more' } });
    fake.tell('message', { data: '{"id":2,"count":1}' });
    fake.tell('message', { data: '{"id":3,"count":2}' });
    expect(await Promise.all(sent.slice(1))).toEqual([{ count: 1 }, { count: 2 }]);
    await expect(send(request(one.signal))).rejects.toMatchObject({ code: 'aborted' });
  });

  it('has one listener with all others of its signal, and none when another signal or the end comes', async () => {
    const { fake, socket, send } = opened();
    const [first, second] = [countedSignal(), countedSignal()];
    for (let id = 1; id <= 3; id++) {
      const sent = send(request(first.controller.signal));
      fake.tell('message', { data: `{"id":${id}}` });
      await sent;
      expect(first.listeners()).toBe(1);
    }
    const last = send(request(second.controller.signal));
    expect([first.listeners(), second.listeners()]).toEqual([0, 1]);
    socket.close();
    await expect(last).rejects.toMatchObject({ code: 'connection_failed' });
    expect(second.listeners()).toBe(0);
  });
});
