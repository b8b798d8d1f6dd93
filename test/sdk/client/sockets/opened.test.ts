/** What a platform tells before the code that awaits the opening runs. */

import { describe, expect, it } from 'vitest';
import { opened } from '../../../../sdk/client/sockets/opened.ts';
import type { Socket } from '../../../../sdk/client/sockets/socket.ts';

type Listener = Parameters<Socket['addEventListener']>[1];

class FakeSocket implements Socket {
  binaryType = 'blob';
  readyState = 0;
  readonly sent: unknown[] = [];
  readonly #listeners: [string, Listener][] = [];

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.push([type, listener]);
  }

  tell(type: string, event: Parameters<Listener>[0] = {}): void {
    if (type === 'open') this.readyState = 1;
    if (type === 'close') this.readyState = 3;
    for (const [known, listener] of this.#listeners) if (known === type) listener(event);
  }

  send(data: string | Uint8Array): void {
    this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    this.tell('close', { reason: `${code} ${reason}` });
  }
}

describe('a socket that opens', () => {
  it('keeps what it says at once for the first who listens, and no one else', async () => {
    const fake = new FakeSocket();
    const opening = opened(fake, 1_000);
    fake.tell('open');
    fake.tell('message', { data: 'first' });
    fake.tell('message', { data: 'second' });
    const socket = await opening;
    const heard: unknown[] = [];
    const later: unknown[] = [];
    socket.addEventListener('message', ({ data }) => heard.push(data));
    socket.addEventListener('message', ({ data }) => later.push(data));
    fake.tell('message', { data: 'third' });
    expect(heard).toEqual(['first', 'second', 'third']);
    expect(later).toEqual(['third']);
  });

  it('is open already, and keeps what it says until somebody listens', async () => {
    const fake = new FakeSocket();
    fake.readyState = 1;
    const opening = opened(fake, 1_000);
    fake.tell('message', { data: 'first' });
    const heard: unknown[] = [];
    (await opening).addEventListener('message', ({ data }) => heard.push(data));
    expect(heard).toEqual(['first']);
  });

  it('tells of its end, though it ended before anybody listened', async () => {
    const fake = new FakeSocket();
    const opening = opened(fake, 1_000);
    fake.tell('open');
    fake.close(1001, 'going');
    const socket = await opening;
    const reasons: unknown[] = [];
    socket.addEventListener('close', ({ reason }) => reasons.push(reason));
    expect(reasons).toEqual(['1001 going']);
    expect(socket.readyState).toBe(3);
  });

  it('sends, closes and takes bytes as the platform does', async () => {
    const fake = new FakeSocket();
    const opening = opened(fake, 1_000);
    fake.tell('open');
    const socket = await opening;
    expect(socket.binaryType).toBe('arraybuffer');
    socket.binaryType = 'blob';
    expect(fake.binaryType).toBe('blob');
    socket.send('hello');
    expect(fake.sent).toEqual(['hello']);
    socket.close(1000, 'done');
    expect(fake.readyState).toBe(3);
  });

  it('rejects if it closes, fails or says nothing instead', async () => {
    const closes = new FakeSocket();
    const opening = opened(closes, 1_000);
    closes.tell('close');
    await expect(opening).rejects.toMatchObject({ code: 'connection_failed', retryable: true });
    const fails = new FakeSocket();
    const failing = opened(fails, 1_000);
    fails.tell('error');
    await expect(failing).rejects.toMatchObject({ code: 'connection_failed', retryable: true });
    await expect(opened(new FakeSocket(), 1)).rejects.toThrow('no answer within 1 ms');
  });
});
