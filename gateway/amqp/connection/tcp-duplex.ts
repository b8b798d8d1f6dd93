/** TCP duplex: what carries the bytes of a session over a socket of Node. */

import type { Socket } from 'node:net';
import { AmqpSession, type Duplex, type SessionSettings } from './amqp-session.ts';

export function sessionOver(socket: Socket, settings: SessionSettings): AmqpSession {
  const session = new AmqpSession(new TcpDuplex(socket), settings);
  socket.setNoDelay(true);
  socket.on('data', (chunk) => session.receive(plain(chunk)));
  socket.on('drain', () => session.drained());
  socket.on('error', () => {}); // `close` follows
  socket.on('close', () => session.ended());
  return session;
}

class TcpDuplex implements Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get name(): string {
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket;
    return `${remoteAddress}:${remotePort} -> ${localAddress}:${localPort}`;
  }

  get isFromHere(): boolean {
    const { remoteAddress = '' } = this.#socket;
    return remoteAddress === '::1' || /^(::ffff:)?127\./.test(remoteAddress);
  }

  get isWritable(): boolean {
    return this.#socket.writable;
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get unreadBytes(): number {
    return this.#socket.writableLength;
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Pieces of a `Buffer` cost more than those of a plain array. */
const plain = ({ buffer, byteOffset, length }: Buffer): Uint8Array =>
  new Uint8Array(buffer, byteOffset, length);
