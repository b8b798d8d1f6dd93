/**
 * Take deliveries: takes messages for a client over HTTP. Delivered messages are leased. If the client has left or its
 * time is over, the router gives them back. Only that case costs a call.
 */

import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { DeliverRequest } from '../../durable-objects/rpc/queue.ts';
import type { Stale } from '../../durable-objects/rpc/stale.ts';
import type { DeliverFields } from '../../protocol/schemas/deliveries.ts';
import { tagsOfFrame } from '../../protocol/frames/delivery-frame.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { DELIVER_BYTES_MAX, RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import { grantReply, releaseReply, resizeReply } from '../bounds/reply-bytes.ts';
import { autoAckOf } from './consume-level.ts';
import { callQueue } from '../calls/queue-call.ts';
import { utf8Json } from '../calls/utf8-json.ts';
import type { AppContext } from '../http/context.ts';
import type { WaitingClient } from '../http/signs-of-life.ts';
import { waitForFrame } from '../fetch/wait-for-frame.ts';

/**
 * A frame of deliveries, or null if there were none within `wait_ms`.
 * @param weight how much each of its bytes counts in the room of the reply
 */
export function takeDeliveries(
  c: AppContext,
  queue: QueueDefinition,
  given: DeliverFields,
  client: WaitingClient,
  weight: number,
): Promise<Uint8Array | null | Failure> {
  const isAutoAck = autoAckOf(given);
  if (isFailure(isAutoAck)) return Promise.resolve(isAutoAck);
  const fields = { ...given, auto_ack: isAutoAck };
  const { signal } = client;
  const taking = takeAndWait(c, queue, fields, client, weight).then(async (frame) => {
    if (frame === null || isFailure(frame) || !signal.aborted) return frame;
    await giveBack(c, queue, frame);
    return null;
  });
  // The runtime drops what it does for a client that has left, but not what it was told to wait for.
  c.executionCtx.waitUntil(taking);
  return taking;
}

/**
 * Takes messages. If there are none, it holds a socket to the queue until there are some or the time is over. The queue
 * can sleep meanwhile. A wait that the queue gives up (it is being deleted) ends with a second look.
 */
async function takeAndWait(
  c: AppContext,
  queue: QueueDefinition,
  fields: DeliverFields,
  client: WaitingClient,
  weight: number,
): Promise<Uint8Array | null | Failure> {
  const first = await takeFrom(c, queue, fields, fields.wait_ms > 0, weight);
  if (isFailure(first)) return first;
  if (!first.webSocket) return await frameOf(c, first, weight);
  releaseReply(c.req.raw);
  client.waitBegins();
  const wait = waitForFrame(first.webSocket, fields.wait_ms, client.signal);
  c.executionCtx.waitUntil(wait.late.then((frame) => frame && giveBack(c, queue, frame)));
  const frame = await wait.frame;
  if (frame !== 'given up') return frame;
  const second = await takeFrom(c, queue, fields, false, weight);
  return isFailure(second) ? second : await frameOf(c, second, weight);
}

async function giveBack(c: AppContext, queue: QueueDefinition, frame: Uint8Array): Promise<void> {
  const release = tagsOfFrame(frame);
  const released = await callQueue(c.env, queue, (stub, version) =>
    stub.settle(version, utf8Json({ release })),
  );
  // Then they come back when their lease ends.
  if (isFailure(released))
    console.error(`deliveries of queue ${queue.name} could not be given back`, released);
}

async function takeFrom(
  c: AppContext,
  queue: QueueDefinition,
  fields: DeliverFields,
  isWaiting: boolean,
  weight: number,
): Promise<Response | Failure> {
  const wanted = Math.min(DELIVER_BYTES_MAX, fields.max * RECORD_BYTES_MAX);
  const bytesMax = await grantReply(c.req.raw, wanted, weight);
  if (isFailure(bytesMax)) return bytesMax;
  const request: Omit<DeliverRequest, 'version'> = {
    max: fields.max,
    bytesMax,
    consumerId: fields.consumer_id ?? '',
    autoAck: fields.auto_ack ?? false,
    ...(fields.lease_ms !== undefined && { leaseMs: fields.lease_ms }),
  };
  return await fetchQueue(c, queue, request, isWaiting);
}

export async function fetchQueue(
  c: AppContext,
  queue: QueueDefinition,
  fields: Omit<DeliverRequest, 'version'>,
  isWaiting: boolean,
): Promise<Response | Failure> {
  return await callQueue<Response | Failure>(c.env, queue, async (stub, version) => {
    const request: DeliverRequest = { version, ...fields };
    const url = `https://queue/?${encodeURIComponent(JSON.stringify(request))}`;
    const response = await stub.fetch(url, isWaiting ? { headers: { upgrade: 'websocket' } } : {});
    return response.status === 422 ? await response.json<Failure | Stale>() : response;
  });
}

async function frameOf(c: AppContext, response: Response, weight: number): Promise<Uint8Array | null> {
  if (response.status === 204) return null;
  const frame = new Uint8Array(await response.arrayBuffer());
  resizeReply(c.req.raw, frame.length * weight);
  return frame;
}
