/**
 * Dead letters: list, inspect, change and send back, replay, purge, export.
 *
 * The queue in the path may be the one where messages died: then the queue that its dead letters go to is meant, and of it
 * what died there. If they go to no queue, or with `self=true`, it is the queue itself.
 */

import type { Hono } from 'hono';
import { needsOf, needsOfTarget } from '../../core/access/reach.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import { defaultDeadLetterQueue } from '../../protocol/names/name-rule.ts';
import type { ReplayOrder, StoredReplay } from '../../core/queue/replay.ts';
import type { DeadLetterAnswer, DeadLetterCall } from '../../durable-objects/rpc/dead-letters.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import {
  deadLetterFilterQuerySchema,
  deadLetterListQuerySchema,
  deadLetterWhereSchema,
  replayRequestSchema,
  resendSchema,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterList,
  type DryRun,
  type Replay,
  type ReplayTarget,
} from '../../protocol/schemas/dead-letters.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { DEFAULT_EXCHANGE_PATH } from '../../protocol/schemas/exchanges.ts';
import { DEAD_LETTER_PAGE_MAX, PAGE_BYTES_MAX } from '../../protocol/limits.ts';
import { JSON_LINES_TYPE } from '../../protocol/headers/media-types.ts';
import type { WrittenMessage } from '../../protocol/schemas/messages.ts';
import type { DeadLetterConfig } from '../../protocol/schemas/queues.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { formatDeadLetterId, parseDeadLetterId } from '../../core/queue/dead-letters/dead-letter-id.ts';
import type { Position } from '../../core/queue/state/ready-messages.ts';
import { placeOf } from '../dead-letters/dead-letter-warnings.ts';
import { deadLettersOf, editedRecord } from '../dead-letters/dead-letter-json.ts';
import { JSON_REPLY_WEIGHT, grantReply } from '../bounds/reply-bytes.ts';
import { exportPages } from '../dead-letters/export.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { callQueue } from '../calls/queue-call.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';
import { lookUpQueue } from '../cache/topology-cache.ts';
import { actionOf, mayReach, refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readQueue, seenTopologyVersion, type AppContext, type AppEnv } from '../http/context.ts';

interface Held {
  /** The queue that holds the dead letters. */
  queue: QueueDefinition;
  /** What of it is meant. */
  filter: DeadLetterFilter;
  /** The queue that its dead letters come from, and go back to when they are replayed; `*`: any. */
  origin: string;
  /** The only queue whose dead letters the caller may reach there, because it has no rights on `queue`; absent: all. */
  onlyFrom?: string;
  /** Where dead letters of the queue in the path go, if that is no queue that exists. */
  elsewhere?: DeadLetterConfig;
}

export function deadLetterRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listDeadLetters, async (c) => {
    const query = readQuery(c, deadLetterListQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { self, limit, next, after: from = next, ...filter } = query.fields;
    const held = await readHeld(c, self, filter);
    if (isFailure(held)) return problem(c, held);
    const after = from === undefined ? null : parseDeadLetterId(held.queue.id, from);
    if (from !== undefined && after === null) {
      return problem(c, failure('invalid_field', 'query after: is not a `next` from this queue'));
    }
    const bytesMax = await grantReply(c.req.raw, PAGE_BYTES_MAX, JSON_REPLY_WEIGHT);
    if (isFailure(bytesMax)) return problem(c, bytesMax);
    const answer = await call(c, held, { do: 'list', filter: held.filter, after, max: limit, bytesMax });
    return isFailure(answer) ? problem(c, answer) : jsonReply(c, pageOf(held, answer));
  });

  bind(app, calls.purgeDeadLetters, async (c) => {
    const query = readQuery(c, deadLetterFilterQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { self, ...filter } = query.fields;
    const held = await readHeld(c, self, filter);
    if (isFailure(held)) return problem(c, held);
    let purged = 0;
    for (let after: Position | null | undefined = null; after !== undefined;) {
      const answer: DeadLetterAnswer | Failure = await call(c, held, {
        do: 'purge',
        filter: held.filter,
        after,
      });
      if (isFailure(answer)) return problem(c, answer);
      purged += answer.count ?? 0;
      after = answer.next ?? undefined;
    }
    return c.json({ queue: held.queue.name, purged });
  });

  bind(app, calls.exportDeadLetters, async (c) => {
    const query = readQuery(c, deadLetterFilterQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { self, ...filter } = query.fields;
    const held = await readHeld(c, self, filter);
    if (isFailure(held)) return problem(c, held);
    // One page is in memory at a time.
    const bytesMax = await grantReply(c.req.raw, PAGE_BYTES_MAX, JSON_REPLY_WEIGHT);
    if (isFailure(bytesMax)) return problem(c, bytesMax);
    const stream = await exportPages<Position>(async (after) => {
      const max = DEAD_LETTER_PAGE_MAX;
      const answer = await call(c, held, { do: 'list', filter: held.filter, after, max, bytesMax });
      if (isFailure(answer)) return answer;
      const { ids, batches, next } = answer.page!;
      return { letters: deadLettersOf(ids, batches), next };
    });
    if (isFailure(stream)) return problem(c, stream);
    return new Response(stream, { headers: { 'content-type': JSON_LINES_TYPE } });
  });

  bind(app, calls.replayDeadLetters, async (c) => {
    const body = await readBody(c, replayRequestSchema);
    if (isFailure(body)) return problem(c, body);
    const { id, ids, filter = {}, to, limit, rate_per_s: ratePerS, dry_run: isDry } = body.fields;
    const held = await readHeldBy(c, filter);
    if (isFailure(held)) return problem(c, held);
    const refused = refuseReach(c, needsOfTarget(to));
    if (refused) return problem(c, refused);
    const onlyTo = to ? undefined : reachedBack(c, held);
    if (isFailure(onlyTo)) return problem(c, onlyTo);
    const wrong = (to && (await checkTarget(c, held, to))) ?? checkIds(held, ids);
    if (wrong) return problem(c, wrong);
    const order: ReplayOrder = {
      id: id ?? crypto.randomUUID(),
      filter: held.filter,
      ids: ids ? [...new Set(ids)] : null,
      to: to ?? null,
      ...(onlyTo !== undefined && { onlyTo }),
      ...(held.onlyFrom !== undefined && { onlyFrom: held.onlyFrom }),
      limit: limit ?? null,
      ratePerS: ratePerS ?? null,
    };
    if (isDry) return await dryRun(c, held, order);
    const answer = await call(c, held, { do: 'replay', order });
    if (isFailure(answer)) return problem(c, answer);
    const [replay] = answer.replays!;
    if (!isSeen(held, replay!))
      return problem(c, failure('invalid_field', 'body id: another replay of the queue has it'));
    return c.json(replayOf(held, replay!), 202);
  });

  bind(app, calls.listReplays, async (c) => {
    const held = await readHeldBy(c, {});
    if (isFailure(held)) return problem(c, held);
    const answer = await call(c, held, { do: 'replays' });
    if (isFailure(answer)) return problem(c, answer);
    const seen = answer.replays!.filter((replay) => isSeen(held, replay));
    return c.json({ replays: seen.map((replay) => replayOf(held, replay)) });
  });

  bind(app, calls.getReplay, (c) => oneReplay(c));
  bind(app, calls.cancelReplay, (c) => oneReplay(c, (id) => ({ do: 'cancel', id })));

  bind(app, calls.getDeadLetter, async (c) => {
    const held = await readHeldBy(c, {});
    if (isFailure(held)) return problem(c, held);
    const letter = await readLetter(c, held);
    return isFailure(letter) ? problem(c, letter) : jsonReply(c, letter.json);
  });

  bind(app, calls.resendDeadLetter, async (c) => {
    const body = await readBody(c, resendSchema, ['message', 'body']);
    if (isFailure(body)) return problem(c, body);
    const held = await readHeldBy(c, {});
    if (isFailure(held)) return problem(c, held);
    const { message, to } = body.fields;
    const refused = refuseReach(c, needsOfTarget(to));
    if (refused) return problem(c, refused);
    const wrong = to && (await checkTarget(c, held, to));
    if (wrong) return problem(c, wrong);
    const letter = await readLetter(c, held);
    if (isFailure(letter)) return problem(c, letter);
    // A changed message is a new one, for the queue that it goes back to.
    const origin = letter.json.metadata.original_queue;
    const action = message ? 'write' : actionOf(c);
    const forbidden = to ? null : refuseReach(c, needsOf('queue', [origin ?? held.origin], action));
    if (forbidden) return problem(c, forbidden);
    const bytes = message ? editedRecord(letter.batches, message) : new Uint8Array();
    if (isFailure(bytes)) return problem(c, bytes);
    const { id } = letter.json;
    const answer = await call(c, held, { do: 'resend', id, bytes, to: to ?? null });
    if (isFailure(answer)) return problem(c, answer);
    if (answer.refused) return problem(c, refusal(answer.refused));
    return answer.count === 0 ? problem(c, noSuchLetter(id)) : jsonReply(c, letter.json, 202);
  });
}

/** As `readHeld`, if the query says nothing else. */
async function readHeldBy(c: AppContext, filter: DeadLetterFilter): Promise<Held | Failure> {
  const query = readQuery(c, deadLetterWhereSchema);
  return isFailure(query) ? query : await readHeld(c, query.fields.self, filter);
}

async function readHeld(
  c: AppContext,
  self: 'true' | 'false' | undefined,
  filter: DeadLetterFilter,
): Promise<Held | Failure> {
  const named = await readQueue(c);
  if (isFailure(named)) return named;
  const { original_queue: origin = '*' } = filter;
  if (self === 'true') return { queue: named, filter, origin };
  const { dead_letter: config } = named.config;
  const target = targetName(named);
  if (target === null) return { queue: named, filter, origin, ...(config !== null && { elsewhere: config }) };
  const found = await lookUpQueue(c.env, named.namespace, target, seenTopologyVersion(c));
  if (isFailure(found)) {
    if (found.code !== 'queue_not_found') return found;
    return { queue: named, filter, origin, ...(config !== null && { elsewhere: config }) };
  }
  // Several queues may share it, and an id or a filter may name what died elsewhere.
  const action = actionOf(c);
  const isOwn = target === defaultDeadLetterQueue(named.name);
  const isReached = mayReach(c, needsOf('queue', [target], action));
  const comesFrom = filter.original_queue ?? named.name;
  const refused = isReached ? null : refuseReach(c, needsOf('queue', [isOwn ? comesFrom : target], action));
  if (refused) return refused;
  const meant = isOwn && isReached ? filter : { ...filter, original_queue: comesFrom };
  return { queue: found.queue, filter: meant, origin: comesFrom, ...(!isReached && { onlyFrom: comesFrom }) };
}

/** Returns whether the caller may know of a replay. */
function isSeen({ onlyFrom }: Held, { filter }: StoredReplay): boolean {
  return onlyFrom === undefined || filter.original_queue === onlyFrom;
}

/**
 * Returns the only queue that letters may go back to, because the caller has no rights on others; undefined: any. Neither ids
 * nor filters say where a letter goes: one that died in two queues goes back to the first.
 */
function reachedBack(c: AppContext, { origin }: Held): string | undefined | Failure {
  if (mayReach(c, needsOf('queue', ['*'], actionOf(c)))) return undefined;
  return refuseReach(c, needsOf('queue', [origin], actionOf(c))) ?? origin;
}

function targetName({ name, config: { dead_letter: target } }: QueueDefinition): string | null {
  if (target === null) return defaultDeadLetterQueue(name);
  return target !== 'none' && 'queue' in target ? target.queue : null;
}

function call(c: AppContext, { queue }: Held, what: DeadLetterCall): Promise<DeadLetterAnswer | Failure> {
  return callQueue<DeadLetterAnswer>(
    c.env,
    queue,
    async (stub, version) => (await stub.deadLetters(version, what)) as DeadLetterAnswer,
  );
}

function pageOf({ queue, elsewhere }: Held, { page }: DeadLetterAnswer): DeadLetterList<WrittenMessage> {
  const { ids, batches, next } = page!;
  return {
    queue: queue.name,
    dead_letters: deadLettersOf(ids, batches),
    ...(elsewhere !== undefined && {
      goes_to: elsewhere,
      warnings: [`dead letters of queue "${queue.name}" go to ${placeOf(elsewhere)}`],
    }),
    ...(next && { next: formatDeadLetterId(queue.id, next) }),
  };
}

async function dryRun(c: AppContext, held: Held, order: ReplayOrder): Promise<Response> {
  const counted: DryRun = { queue: held.queue.name, would_replay: 0, would_skip: 0 };
  for (let after: Position | null | undefined = null; after !== undefined;) {
    const answer: DeadLetterAnswer | Failure = await call(c, held, { do: 'count', order, after });
    if (isFailure(answer)) return problem(c, answer);
    counted.would_replay += answer.count ?? 0;
    counted.would_skip += answer.skipped ?? 0;
    after = answer.next ?? undefined;
  }
  if (order.limit !== null) counted.would_replay = Math.min(order.limit, counted.would_replay);
  return c.json(counted);
}

/** @param change what is done to it, once it is known that the caller may know of it */
async function oneReplay(c: AppContext, change?: (id: string) => DeadLetterCall): Promise<Response> {
  const held = await readHeldBy(c, {});
  if (isFailure(held)) return problem(c, held);
  const id = c.req.param('replay') ?? '';
  const known = await call(c, held, { do: 'replays', id });
  if (isFailure(known)) return problem(c, known);
  const seen = known.replays!.find((one) => one.id === id && isSeen(held, one));
  const answer = seen && change ? await call(c, held, change(id)) : known;
  if (isFailure(answer)) return problem(c, answer);
  const replay = seen && answer.replays!.find((one) => one.id === id);
  if (replay) return c.json(replayOf(held, replay));
  return problem(c, failure('replay_not_found', `queue "${held.queue.name}" has no such replay`));
}

async function readLetter(
  c: AppContext,
  held: Held,
): Promise<{ json: DeadLetter<WrittenMessage>; batches: Uint8Array } | Failure> {
  const id = c.req.param('dead_letter') ?? '';
  const { onlyFrom } = held;
  const answer = await call(c, held, { do: 'get', id, ...(onlyFrom !== undefined && { onlyFrom }) });
  if (isFailure(answer)) return answer;
  const [json] = deadLettersOf(answer.page!.ids, answer.page!.batches);
  return json ? { json, batches: answer.page!.batches } : noSuchLetter(id);
}

async function checkTarget(c: AppContext, { queue }: Held, to: ReplayTarget): Promise<Failure | undefined> {
  if ('queue' in to) {
    const found = await lookUpQueue(c.env, queue.namespace, to.queue, seenTopologyVersion(c));
    return isFailure(found) ? found : undefined;
  }
  const name = to.exchange === DEFAULT_EXCHANGE_PATH ? '' : to.exchange;
  const { exchange } = await topologyStub(c.env, queue.namespace).exchange(name);
  return exchange
    ? undefined
    : failure('exchange_not_found', `there is no exchange "${to.exchange}"; PUT creates it`);
}

function checkIds({ queue }: Held, ids: readonly string[] | undefined): Failure | undefined {
  const wrong = ids?.find((id) => parseDeadLetterId(queue.id, id) === null);
  return wrong === undefined
    ? undefined
    : failure(
        'invalid_field',
        `body ids: "${wrong.slice(0, 40)}" is no dead letter of queue "${queue.name}"`,
      );
}

function refusal(reason: 'no_origin' | 'hop_limit'): Failure {
  return failure(
    'replay_refused',
    reason === 'no_origin'
      ? 'nobody knows where the message came from; say where it is to go with "to"'
      : 'the broker has published the message on too often: it goes round in a loop. Publish it anew, or purge it',
    { reason },
  );
}

function noSuchLetter(id: string): Failure {
  return failure(
    'dead_letter_not_found',
    `there is no dead letter "${id.slice(0, 40)}" here: it was replayed or purged, or a consumer has it`,
  );
}

function replayOf({ queue }: Held, replay: StoredReplay): Replay {
  const { id, state, total, lookedAt, moved, skipped, to, ratePerS, startedMs, endedMs } = replay;
  return {
    id,
    queue: queue.name,
    state,
    total,
    looked_at: lookedAt,
    moved,
    skipped,
    to,
    rate_per_s: ratePerS,
    started_at: new Date(startedMs).toISOString(),
    ended_at: endedMs === null ? null : new Date(endedMs).toISOString(),
  };
}
