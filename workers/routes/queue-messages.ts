/** The messages of a queue: publish, take, settle, look. */

import type { Hono } from 'hono';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import {
  settleRequestOf,
  type DeliverRequest,
  type Published,
  type Settled,
} from '../../durable-objects/rpc/queue.ts';
import {
  countTags,
  deliverSchema,
  endWaitsQuerySchema,
  peekQuerySchema,
  queuePublishQuerySchema,
  SETTLEMENT_KINDS,
  settleQuerySchema,
  settleSchema,
  settleTagsMax,
  streamQuerySchema,
  type QueueBatchesPublished,
  type QueuePublished,
  type SettledReply,
  type SettleFields,
  type WaitsEnded,
} from '../../protocol/schemas/deliveries.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { decodeDeliveryFrame, deliveryCount } from '../../protocol/frames/delivery-frame.ts';
import { DELIVER_BYTES_MAX } from '../../protocol/limits.ts';
import {
  DELIVERIES_TYPE,
  READY_MESSAGES_HEADER,
  SETTLEMENTS_TYPE,
} from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { streamConsumerId } from '../../core/queue/deliver/consumer-id.ts';
import { deliveriesOf, messagesOf } from '../../core/queue/deliver/deliveries-json.ts';
import { spend, spendOnPublish } from '../access/quotas/rates.ts';
import { checkedWaitMs } from '../access/revocable.ts';
import { takeConnection } from '../access/quotas/connections.ts';
import { pacedPrefetch } from '../access/quotas/paced-deliveries.ts';
import { watchedStream } from '../access/watched-stream.ts';
import { grantReply, JSON_REPLY_WEIGHT } from '../bounds/reply-bytes.ts';
import { checkStreamLevel } from '../deliver/consume-level.ts';
import { fetchQueue, NOTHING, takeDeliveries, wantsFrames, type Taken } from '../deliver/take-deliveries.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { refuseIfFull } from '../../core/queue/publish/queue-producers.ts';
import type { QueueBatches } from '../../core/queue/publish/queue-batches.ts';
import { batchesFromBytes, batchesFromJson } from '../publish/queue-batches.ts';
import { callQueue } from '../calls/queue-call.ts';
import { utf8Json } from '../calls/utf8-json.ts';
import { readQuery } from '../http/query.ts';
import { check } from '../../protocol/fields/check.ts';
import { bodyKind, contentType, readBody, readBytes, readJson } from '../http/request.ts';
import { requestTrace } from '../http/trace-context.ts';
import { frameForm, JSON_FORM, replyWithSigns, waitOf, type WaitingClient } from '../http/signs-of-life.ts';
import { bind } from './bind.ts';
import { readQueue, type AppContext, type AppEnv } from '../http/context.ts';
import { noteFull } from '../access/quotas/full-namespaces.ts';
import { publishLimitsOf } from '../access/directory-cache.ts';

export function queueMessageRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.publishToQueue, async (c) => {
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const batches = await readBatches(c);
    if (isFailure(batches)) return problem(c, batches);
    const overRate = spendOnPublish(c, batches.count);
    if (overRate) return problem(c, overRate);
    const { bytes, producer } = batches;
    const published = await callQueue<Published | Failure>(
      c.env,
      queue,
      async (stub, version) =>
        await stub.publish(version, bytes, {
          ...(producer && { producer }),
          ...publishLimitsOf(queue.namespace),
        }),
    );
    noteFull(queue.namespace, published);
    if (isFailure(published)) return problem(c, published);
    const refused = refuseIfFull(queue.name, published);
    if (refused) return problem(c, refused);
    if (batches.isRaw) return c.json(published satisfies QueueBatchesPublished);
    const results: QueuePublished['results'] = Array.from({ length: published.count }, () => ({
      outcome: 'stored',
    }));
    for (const { index, outcome } of published.exceptions) results[index] = { outcome };
    return c.json({
      stored: published.count - published.exceptions.length,
      results,
    } satisfies QueuePublished);
  });

  bind(app, calls.deliver, async (c) => {
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const body = await readBody(c, deliverSchema);
    if (isFailure(body)) return problem(c, body);
    const isBytes = wantsFrames(c);
    const form = isBytes ? frameForm(c, DELIVERIES_TYPE) : JSON_FORM;
    const replyOf = async ({ frame, ready }: Taken): Promise<Response> => {
      if (!isBytes)
        return jsonReply(c, frame === null ? { deliveries: [] } : deliveriesOf(decodeDeliveryFrame(frame)));
      const headers = {
        'content-type': DELIVERIES_TYPE,
        ...(ready !== null && { [READY_MESSAGES_HEADER]: ready }),
      };
      return new Response((frame ?? new Uint8Array()) as Uint8Array<ArrayBuffer>, { headers });
    };
    const fields = { ...body.fields, wait_ms: waitOf(form, checkedWaitMs(c, body.fields.wait_ms)) };
    const answer = async (client: WaitingClient): Promise<Response> => {
      const taken = await takeDeliveries(c, queue, fields, client);
      if (isFailure(taken)) return problem(c, taken);
      if (taken.frame !== null) spend(c, 'deliver', deliveryCount(taken.frame));
      return await replyOf(taken);
    };
    return await replyWithSigns(c, form, answer, () => replyOf(NOTHING));
  });

  bind(app, calls.endWaits, async (c) => {
    const query = readQuery(c, endWaitsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const { consumer_id: consumerId } = query.fields;
    const ended = await callQueue<number>(
      c.env,
      queue,
      async (stub, version) => await stub.endWaits(version, consumerId),
    );
    return isFailure(ended) ? problem(c, ended) : c.json({ ended } satisfies WaitsEnded);
  });

  bind(app, calls.settle, async (c) => {
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    if (contentType(c) === SETTLEMENTS_TYPE) return await settleBytes(c, queue);
    const fields = await readSettlement(c);
    if (isFailure(fields)) return problem(c, fields);
    const request = utf8Json(settleRequestOf(fields));
    const outcomes = await callQueue<Settled>(
      c.env,
      queue,
      async (stub, version) => await stub.settle(version, request),
    );
    if (isFailure(outcomes)) return problem(c, outcomes);
    const tags = tagsOf(fields);
    return c.json({
      results: outcomes.map((outcome, index) => ({ tag: tags[index]!, outcome })),
    } satisfies SettledReply);
  });

  bind(app, calls.streamQueue, async (c) => {
    const query = readQuery(c, streamQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const refused = checkStreamLevel(query.fields.delivery);
    if (refused) return problem(c, refused);
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      return problem(c, failure('upgrade_required', 'open a WebSocket here, or POST to .../deliveries'));
    }
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const {
      lease_ms: leaseMs,
      heartbeat_ms: heartbeatMs,
      frames,
      priority,
      consumer_id: name = '',
    } = query.fields;
    const { keeps } = query.fields;
    const paceMs = leaseMs ?? queue.config.lease_ms;
    const prefetch = keeps === undefined ? pacedPrefetch(c, query.fields.prefetch, paceMs) : 0;
    const stream: Omit<DeliverRequest, 'version'> = {
      max: prefetch,
      prefetch,
      bytesMax: DELIVER_BYTES_MAX,
      ...(keeps !== undefined && { keeps }),
      // Each socket is a consumer of its own, whatever name several share. A keeper stands for those who poll by its name.
      consumerId: keeps !== undefined && name !== '' ? name : streamConsumerId(name, crypto.randomUUID()),
      isBinary: frames === 'binary',
      ...(leaseMs !== undefined && { leaseMs }),
      ...(heartbeatMs !== undefined && { heartbeatMs }),
      ...(priority !== undefined && { priority }),
    };
    const countOff = takeConnection(c.get('spenders') ?? []);
    if (isFailure(countOff)) return problem(c, countOff);
    const response = await fetchQueue(c, queue, stream, true);
    if (!isFailure(response)) return watchedStream(c, response, paceMs, countOff);
    countOff();
    return problem(c, response);
  });

  bind(app, calls.peekQueue, async (c) => {
    const query = readQuery(c, peekQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const bytesMax = await grantReply(c.req.raw, DELIVER_BYTES_MAX, JSON_REPLY_WEIGHT);
    if (isFailure(bytesMax)) return problem(c, bytesMax);
    const batches = await callQueue<Uint8Array>(
      c.env,
      queue,
      async (stub, version) => await stub.peek(version, query.fields.max, bytesMax),
    );
    if (isFailure(batches)) return problem(c, batches);
    return jsonReply(c, { messages: messagesOf(batches) });
  });
}

/** A frame goes to the queue as it is, which has to read it on a stream as well. */
async function settleBytes(c: AppContext, queue: QueueDefinition): Promise<Response> {
  const query = readQuery(c, settleQuerySchema);
  if (isFailure(query)) return problem(c, query);
  const bytes = await readBytes(c.req.raw);
  if (isFailure(bytes)) return problem(c, bytes);
  const answer = await callQueue<Uint8Array | Failure>(
    c.env,
    queue,
    async (stub, version) => await stub.settleFrame(version, bytes, query.fields.consumer_id),
  );
  if (isFailure(answer)) return problem(c, answer);
  return new Response(answer as Uint8Array<ArrayBuffer>, { headers: { 'content-type': SETTLEMENTS_TYPE } });
}

async function readBatches(c: AppContext): Promise<(QueueBatches & { isRaw: boolean }) | Failure> {
  const query = readQuery(c, queuePublishQuerySchema);
  if (isFailure(query)) return query;
  const kind = bodyKind(c, true);
  if (isFailure(kind)) return kind;
  const trace = requestTrace(c.req.raw);
  if (kind === 'batches') {
    const { delivery } = query.fields;
    const bytes = await readBytes(c.req.raw);
    const batches = isFailure(bytes) ? bytes : await batchesFromBytes(bytes, delivery, trace, Date.now());
    return isFailure(batches) ? batches : { ...batches, isRaw: true };
  }
  const body = await readJson(c.req.raw, ['messages', null, 'body']);
  const batches = isFailure(body) ? body : batchesFromJson(body.json, trace, Date.now());
  return isFailure(batches) ? batches : { ...batches, isRaw: false };
}

/** The settlement, checked: the number of tags first, because the rest takes time for each. */
async function readSettlement(c: AppContext): Promise<SettleFields | Failure> {
  const kind = bodyKind(c, false);
  if (isFailure(kind)) return kind;
  const body = await readJson(c.req.raw);
  if (isFailure(body)) return body;
  const count = countTags((body.json ?? {}) as Record<string, unknown>);
  if (count > settleTagsMax) {
    return failure('too_many_tags', `${count} tags; a settlement may have ${settleTagsMax}`, {
      tags_max: settleTagsMax,
    });
  }
  const checked = check(settleSchema, body.json, 'body');
  return isFailure(checked) ? checked : checked.fields;
}

function tagsOf(fields: SettleFields): string[] {
  return SETTLEMENT_KINDS.flatMap((kind) =>
    (fields[kind] ?? []).map((item) => (typeof item === 'string' ? item : item.tag)),
  );
}
