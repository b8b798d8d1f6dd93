/**
 * Take deliveries: takes messages for a client over HTTP. Delivered messages are leased. If the client has left or its
 * time is over, the router gives them back. Only that case costs a call.
 */

import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { DeliverRequest, SocketRequest } from '../../durable-objects/rpc/queue.ts';
import type { Stale } from '../../durable-objects/rpc/stale.ts';
import type { DeliverFields } from '../../protocol/schemas/deliveries.ts';
import { tagsOfFrame } from '../../protocol/frames/delivery-frame.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { DELIVERIES_TYPE, READY_MESSAGES_HEADER } from '../../protocol/headers/media-types.ts';
import { DELIVER_BYTES_MAX, RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import { grantReply, JSON_REPLY_WEIGHT, releaseReply, resizeReply } from '../bounds/reply-bytes.ts';
import { autoAckOf } from './consume-level.ts';
import { callQueue } from '../calls/queue-call.ts';
import { utf8Json } from '../calls/utf8-json.ts';
import type { AppContext } from '../http/context.ts';
import type { WaitingClient } from '../http/signs-of-life.ts';
import { waitForFrame } from '../fetch/wait-for-frame.ts';

export interface Taken {
  /** Null if there was nothing within `wait_ms`. */
  frame: Uint8Array | null;
  /** How many messages were ready besides, as text. Null if there was nothing, or the request was not for one message at once. */
  ready: string | null;
}

export function takeDeliveries(
  c: AppContext,
  queue: QueueDefinition,
  given: DeliverFields,
  client: WaitingClient,
): Promise<Taken | Failure> {
  const isAutoAck = autoAckOf(given);
  if (isFailure(isAutoAck)) return Promise.resolve(isAutoAck);
  const fields = { ...given, auto_ack: isAutoAck };
  const { signal } = client;
  const taking = takeAndWait(c, queue, fields, client).then(async (taken) => {
    if (isFailure(taken) || taken.frame === null || !signal.aborted) return taken;
    await giveBack(c, queue, taken.frame);
    return NOTHING;
  });
  // The runtime drops what it does for a client that has left, but not what it was told to wait for.
  c.executionCtx.waitUntil(taking);
  return taking;
}

export const NOTHING: Taken = { frame: null, ready: null };

/**
 * Takes messages. If there are none, it holds a socket to the queue until there are some or the time is over. The queue
 * can sleep meanwhile. A wait that the queue gives up (it is being deleted) ends with a second look.
 */
async function takeAndWait(
  c: AppContext,
  queue: QueueDefinition,
  fields: DeliverFields,
  client: WaitingClient,
): Promise<Taken | Failure> {
  const first = await takeFrom(c, queue, fields, fields.wait_ms > 0);
  if (isFailure(first)) return first;
  if (!first.webSocket) return await takenOf(c, first);
  releaseReply(c.req.raw);
  client.waitBegins();
  const wait = waitForFrame(first.webSocket, fields.wait_ms, client.signal);
  c.executionCtx.waitUntil(wait.late.then((frame) => frame && giveBack(c, queue, frame)));
  const frame = await wait.frame;
  if (frame !== 'given up') return { frame, ready: null };
  const second = await takeFrom(c, queue, fields, false);
  return isFailure(second) ? second : await takenOf(c, second);
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
): Promise<Response | Failure> {
  const wanted = Math.min(DELIVER_BYTES_MAX, fields.max * RECORD_BYTES_MAX);
  const bytesMax = await grantReply(c.req.raw, wanted, weightOf(c));
  if (isFailure(bytesMax)) return bytesMax;
  const request: Omit<DeliverRequest, 'version'> = {
    max: fields.max,
    bytesMax,
    consumerId: fields.consumer_id ?? '',
    autoAck: fields.auto_ack ?? false,
    ...(fields.lease_ms !== undefined && { leaseMs: fields.lease_ms }),
    ...(fields.max === 1 && fields.wait_ms === 0 && { countsReady: true }),
  };
  return await fetchQueue(c, queue, request, isWaiting);
}

export async function fetchQueue(
  c: AppContext,
  queue: QueueDefinition,
  fields: Omit<DeliverRequest, 'version'> | { publishes: true },
  isWaiting: boolean,
): Promise<Response | Failure> {
  return await callQueue<Response | Failure>(c.env, queue, async (stub, version) => {
    const request: SocketRequest = { version, ...fields };
    const url = `https://queue/?${encodeURIComponent(JSON.stringify(request))}`;
    const response = await stub.fetch(url, isWaiting ? { headers: { upgrade: 'websocket' } } : {});
    return response.status === 422 ? await response.json<Failure | Stale>() : response;
  });
}

async function takenOf(c: AppContext, response: Response): Promise<Taken> {
  if (response.status === 204) return NOTHING;
  const frame = new Uint8Array(await response.arrayBuffer());
  resizeReply(c.req.raw, frame.length * weightOf(c));
  return { frame, ready: response.headers.get(READY_MESSAGES_HEADER) };
}

/** Whether the client takes frames (docs/frames.md) rather than JSON. */
export function wantsFrames(c: AppContext): boolean {
  return (c.req.header('accept') ?? '').includes(DELIVERIES_TYPE);
}

/** How much each byte of a frame counts in the room of the reply. */
function weightOf(c: AppContext): number {
  return wantsFrames(c) ? 1 : JSON_REPLY_WEIGHT;
}
