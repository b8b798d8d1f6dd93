/** A socket for requests under drawn frames: each gets one answer that the contract knows, in order, and the socket stays open. */

import { encodeRequestFrame } from '../../../protocol/frames/request-frame.ts';
import { operations } from '../../../protocol/operations/index.ts';
import type { Random } from '../../crash/random.ts';
import { TestRequestSocket, type Said } from '../../support/clients/request-socket.ts';
import { problemOf } from '../answers.ts';
import { drawBatch, spoilBatch, writeBatch } from '../codec/batch-model.ts';
import { jsonOf } from './raw-json.ts';
import { hostile, pick } from '../values/schema-values.ts';
import { spoilBytes } from '../values/spoil-bytes.ts';

const ID = 7;
const REPLY = operations.openQueuePublishes.replies[101].json;

/** @param address up to `/stream`. @returns what is wrong, a text each */
export async function fuzzRequestSocket(address: string, frames: number, random: Random): Promise<string[]> {
  const socket = await TestRequestSocket.open(address);
  if (socket === null) return ['a socket for requests was not opened'];
  const wrong: string[] = [];
  for (let count = 0; count < frames && wrong.length === 0; count++) {
    const frame = drawFrame(random);
    socket.socket.send(frame as string | Uint8Array<ArrayBuffer>);
    const said = await Promise.race([socket.next(), socket.closed]);
    const shown = `a socket for requests, at ${Buffer.from(frame).toString('base64').slice(0, 1_000)},`;
    if (socket.socket.readyState !== WebSocket.OPEN) wrong.push(`${shown} ended: ${JSON.stringify(said)}`);
    else wrong.push(...wrongIn(said as Said, shown));
  }
  socket.socket.close();
  await socket.closed;
  return wrong;
}

function wrongIn(said: Said, shown: string): string[] {
  const { id, ...rest } = said;
  const text = `${shown} says ${JSON.stringify(said).slice(0, 500)}`;
  if (said.code !== undefined) return problemOf(rest, text).wrong;
  return REPLY.safeParse(said).success && typeof id === 'number' ? [] : [text];
}

function drawFrame(random: Random): Uint8Array | string {
  const chance = random();
  if (chance < 0.1) return pick(random, ['', '{}', '{"id":7}', '\0']);
  if (chance < 0.2)
    return Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256));
  const batch = drawBatch(random);
  if (random() < 0.6) spoilBatch(batch, random);
  const bytes = encodeRequestFrame({
    id: ID,
    topologyVersion: pick(random, [0, 0, 1, 2 ** 40, Number.MAX_SAFE_INTEGER]),
    query: pick(random, [
      '',
      '',
      '',
      'delivery=exactly-once',
      'a=b',
      '%',
      '?&=',
      '#',
      `x=${jsonOf(hostile(random)).slice(0, 10_000)}`,
    ]),
    batches: random() < 0.1 ? new Uint8Array() : writeBatch(batch),
  });
  return random() < 0.3 ? spoilBytes(bytes, random) : bytes;
}
