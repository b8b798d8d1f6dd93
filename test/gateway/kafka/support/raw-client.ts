/** Raw Kafka client: sends the bytes that it is told to, and reads answers. */

import { connect, type Socket } from 'node:net';
import { concatenate } from '../../../../protocol/bytes.ts';
import { ByteReader } from '../../../../wire/kafka/codec/byte-reader.ts';
import { ByteWriter } from '../../../../wire/kafka/codec/byte-writer.ts';
import { readMessage, writeMessage } from '../../../../wire/kafka/codec/codec.ts';
import { APIS, isWithin, MESSAGES } from '../../../../wire/kafka/codec/message-table.ts';

interface Sent {
  key: number;
  version: number;
  resolve: (body: Record<string, unknown>) => void;
}

export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #clientId: string;
  readonly #sent: Sent[] = [];
  #bytes: Uint8Array = new Uint8Array();

  private constructor(socket: Socket, clientId: string) {
    this.#clientId = clientId;
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.#receive(chunk));
  }

  static async connect(port: number, clientId = 'raw'): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.on('connect', resolve));
    return new RawClient(socket, clientId);
  }

  /** Sends a request, and resolves with the body of its answer. */
  send(name: string, version: number, body: object): Promise<Record<string, unknown>> {
    const key = this.sendWithoutAnswer(name, version, body);
    return new Promise((resolve) => this.#sent.push({ key, version, resolve }));
  }

  /** @returns the key of the API */
  sendWithoutAnswer(name: string, version: number, body: object): number {
    const [key, api] = [...APIS].find(([, each]) => each.name === name)!;
    const writer = new ByteWriter();
    const isFlexible = isWithin(api.request.flexible, version);
    const clientId = this.#clientId;
    const header = { requestApiKey: key, requestApiVersion: version, correlationId: 1, clientId };
    writeMessage(writer, MESSAGES.get('RequestHeader')!, isFlexible ? 2 : 1, header);
    writeMessage(writer, api.request, version, body);
    const bytes = concatenate(writer.take());
    const length = new ByteWriter(4);
    length.int32(bytes.length);
    this.socket.write(concatenate([...length.take(), bytes]));
    return key;
  }

  #receive(chunk: Uint8Array): void {
    this.#bytes = concatenate([this.#bytes, chunk]);
    while (this.#bytes.length >= 4) {
      const size = new ByteReader(this.#bytes).int32();
      if (this.#bytes.length < 4 + size) return;
      const reader = new ByteReader(this.#bytes.subarray(8, 4 + size));
      this.#bytes = this.#bytes.slice(4 + size);
      const { key, version, resolve } = this.#sent.shift()!;
      const { name, response } = APIS.get(key)!;
      if (name !== 'ApiVersions' && isWithin(response.flexible, version)) reader.varint();
      resolve(readMessage(reader, response, version) as Record<string, unknown>);
    }
  }
}
