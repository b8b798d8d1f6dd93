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

function opened(): { fake: FakeSocket; send: RequestSocket['request'] } {
  const fake = new FakeSocket();
  const socket = new RequestSocket('POST /messages', fake, () => {});
  return { fake, send: (request) => socket.request(request) };
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
});
