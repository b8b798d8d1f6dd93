/** Moves of messages from one queue to another. */

import type { Hono } from 'hono';
import { needsOf, needsOfTarget } from '../../core/access/reach.ts';
import { parseMessageId, type MessagePosition } from '../../core/queue/messages/message-id.ts';
import { moveIdOf, type MoveOrder, type StoredMove } from '../../core/queue/messages/move.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { MessageAnswer } from '../../durable-objects/rpc/queue-messages.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { MOVED_STATES, moveRequestSchema, type Move, type MoveDryRun } from '../../protocol/schemas/moves.ts';
import { refuseReach } from '../access/authorize.ts';
import { lookUpQueue } from '../cache/topology-cache.ts';
import { readQueue, seenTopologyVersion, type AppContext, type AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { bind } from './bind.ts';
import { callMessages } from './held-messages.ts';

export function moveRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.moveMessages, async (c) => {
    const body = await readBody(c, moveRequestSchema);
    if (isFailure(body)) return problem(c, body);
    const { id, ids, states, filter = {}, to, limit, rate_per_s: ratePerS, dry_run: isDry } = body.fields;
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    // Whoever reads the target reads what comes there.
    const needs = [...needsOf('queue', [queue.name], 'read'), ...needsOfTarget(to)];
    const refused = refuseReach(c, needs) ?? (await checkTarget(c, queue, to.queue));
    if (refused) return problem(c, refused);
    const positions = positionsOf(queue, ids);
    if (isFailure(positions)) return problem(c, positions);
    const { message_id: messageId, ordering_key: orderingKey, routing_key: routingKey } = filter;
    const order: MoveOrder = {
      id: id ?? crypto.randomUUID(),
      filter: {
        ...(messageId !== undefined && { messageId }),
        ...(orderingKey !== undefined && { orderingKey }),
        ...(routingKey !== undefined && { routingKey }),
      },
      states: [...new Set(states ?? MOVED_STATES)],
      positions,
      to,
      limit: limit ?? null,
      ratePerS: ratePerS ?? null,
    };
    if (isDry) return await dryRun(c, queue, order);
    const answer = await callMessages(c, queue, { do: 'move', order });
    return isFailure(answer) ? problem(c, answer) : c.json(moveOf(queue, answer.moves![0]!), 202);
  });

  bind(app, calls.listMoves, async (c) => {
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const answer = await callMessages(c, queue, { do: 'moves' });
    if (isFailure(answer)) return problem(c, answer);
    return c.json({ moves: answer.moves!.map((move) => moveOf(queue, move)) });
  });

  bind(app, calls.getMove, async (c) => {
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    return oneMove(c, queue, await callMessages(c, queue, { do: 'moves' }));
  });

  bind(app, calls.cancelMove, async (c) => {
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const id = c.req.param('move') ?? '';
    return oneMove(c, queue, await callMessages(c, queue, { do: 'cancelMove', id }));
  });
}

async function checkTarget(c: AppContext, queue: QueueDefinition, target: string): Promise<Failure | null> {
  if (target === queue.name)
    return failure('invalid_field', 'body to.queue: is the queue that they would leave');
  const found = await lookUpQueue(c.env, queue.namespace, target, seenTopologyVersion(c));
  return isFailure(found) ? found : null;
}

/** Returns the positions of a list of ids; null if there is no list. */
function positionsOf(
  { id: queueId, name }: QueueDefinition,
  ids: readonly string[] | undefined,
): MessagePosition[] | null | Failure {
  if (ids === undefined) return null;
  const positions: MessagePosition[] = [];
  for (const id of new Set(ids)) {
    const position = parseMessageId(queueId, id);
    if (position === null)
      return failure('invalid_field', `body ids: "${id.slice(0, 64)}" is no message of queue "${name}"`);
    positions.push(position);
  }
  return positions;
}

async function dryRun(c: AppContext, queue: QueueDefinition, order: MoveOrder): Promise<Response> {
  let count = 0;
  for (let after: MessagePosition | null | undefined = null; after !== undefined;) {
    const answer: MessageAnswer | Failure = await callMessages(c, queue, { do: 'count', order, after });
    if (isFailure(answer)) return problem(c, answer);
    count += answer.counted!.count;
    after = answer.counted!.next ?? undefined;
  }
  const wouldMove = Math.min(count, order.limit ?? Infinity);
  return c.json({ queue: queue.name, would_move: wouldMove } satisfies MoveDryRun);
}

function oneMove(c: AppContext, queue: QueueDefinition, answer: MessageAnswer | Failure): Response {
  if (isFailure(answer)) return problem(c, answer);
  const move = answer.moves!.find((one) => moveIdOf(one) === c.req.param('move'));
  if (move) return c.json(moveOf(queue, move));
  return problem(c, failure('move_not_found', `queue "${queue.name}" knows no such move`));
}

function moveOf({ name }: QueueDefinition, move: StoredMove): Move {
  const { to, state, total, lookedAt, moved, skipped, ratePerS, startedMs, endedMs } = move;
  return {
    id: moveIdOf(move),
    queue: name,
    to,
    state,
    total,
    looked_at: lookedAt,
    moved,
    skipped,
    rate_per_s: ratePerS,
    started_at: new Date(startedMs).toISOString(),
    ended_at: endedMs === null ? null : new Date(endedMs).toISOString(),
  };
}
