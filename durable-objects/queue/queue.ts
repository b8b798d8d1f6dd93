/**
 * Queue object: ordered messages, each delivered under a lease until it is settled. The router checks requests; the
 * queue stores, delivers, and keeps time. Calls that arrive together share one transaction.
 */

import { DurableObject } from 'cloudflare:workers';
import type { KnownReport, ObjectReport } from '../../core/overview/object-report.ts';
import { deletionProblem, type QueueDeletion } from '../../core/topology/queues/queue-deletion.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import { failure, isFailure, problemOf, type Failure } from '../../protocol/errors.ts';
import { writeJson } from '../../protocol/json/json-text.ts';
import { Alarm } from '../runtime/alarm.ts';
import { GroupCommit } from '../runtime/group-commit.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import type { Env } from '../env.ts';
import { DeletionGuard } from './time/deletion-guard.ts';
import { closeToo, Consumers } from './deliver/consumers.ts';
import type { DeadLetterAnswer, DeadLetterCall } from '../rpc/dead-letters.ts';
import type { MessageAnswer, MessageCall } from '../rpc/queue-messages.ts';
import { deleteItself } from './time/delete-itself.ts';
import { batchesOf, describeQueue, frameReply } from './status.ts';
import { HandOut } from './deliver/hand-out.ts';
import type {
  Closed,
  DeliverRequest,
  Published,
  PublishOptions,
  QueueDescription,
  QueueMethods,
  Settled,
  SettleRequest,
  SocketRequest,
} from '../rpc/queue.ts';
import { STALE, staleReply, type Stale } from '../rpc/stale.ts';
import { PublishSockets } from './publish/publish-sockets.ts';
import { QueueTasks, type Open } from './time/queue-tasks.ts';
import { QueueWatch } from './time/queue-watch.ts';
import { freesNothing, type SettleRun } from '../../core/queue/settle/settle-run.ts';
import { readFrame, readStreamMessage, runsOf } from './deliver/settle-message.ts';
import { QueueStore, type StoredDefinition } from './rows/queue-store.ts';
import { commitSteps, type Step } from './steps.ts';
import { StoredQueue, type StepContext } from './stored-queue.ts';

export class Queue extends DurableObject<Env> implements QueueMethods {
  readonly #sql: DurableSql;
  readonly #store: QueueStore;
  readonly #consumers: Consumers;
  readonly #publishSockets: PublishSockets;
  readonly #since: number;
  readonly #steps: GroupCommit<Step, unknown>;
  #alarm!: Alarm;
  #tasks!: QueueTasks;
  #handOut!: HandOut;
  #watch!: QueueWatch;
  #open: Open | null = null;
  #deletionGuard!: DeletionGuard;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = new DurableSql(ctx.storage);
    this.#store = new QueueStore(this.#sql);
    this.#consumers = new Consumers(ctx);
    // Answered by the runtime: a client sees that its stream is there without waking the queue.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
    this.#since = this.now();
    this.#steps = new GroupCommit({ commit: (steps) => this.#commit(steps), sync: () => ctx.storage.sync() });
    this.#publishSockets = new PublishSockets(ctx, {
      now: () => this.now(),
      queueName: () => this.#open?.definition.name ?? null,
      publish: (bytes, options) => this.publish(Infinity, bytes, { ...this.#watch.told, ...options }),
    });
    void ctx.blockConcurrencyWhile(async () => {
      const now = (): number => this.now();
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), now);
      const context = { env, sql: this.#sql, alarm: this.#alarm, now, waitUntil: ctx.waitUntil.bind(ctx) };
      this.#tasks = new QueueTasks(context, {
        open: () => this.#open,
        serve: () => this.#handOut.serve(),
        changed: (isByTime) => this.#watch.changed(isByTime),
        consumers: () => this.#handOut.consumers(),
        hasStreams: () => this.#consumers.hasStreams(),
        noneLeased: () => this.#handOut.noneLeased(),
        writeQueue: (definition) => this.#store.writeQueue(definition),
        deleteItself: (definition) => ctx.waitUntil(deleteItself(env, definition, 'unused')),
      });
      this.#handOut = new HandOut(context, this.#consumers, {
        open: () => this.#open,
        context: () => this.#context(),
        handedOut: (open) => this.#tasks.handedOut(open),
        used: (open) => this.#tasks.noteUse(open),
        ended: (open, consumers) => this.#streamsEnded(open, consumers),
        noneLeased: () => this.#tasks.noneLeased(),
      });
      this.#watch = new QueueWatch(
        { ...context, databaseBytes: () => ctx.storage.sql.databaseSize },
        {
          open: () => this.#open,
          describe: ({ queue }) => this.#describe(queue),
          outgoingProblem: () => this.#tasks.outgoingProblem,
        },
      );
      const stored = this.#store.readQueue();
      if (stored) this.#openQueue(stored);
      this.#deletionGuard = new DeletionGuard(context, this.#store, () => this.#open?.definition ?? null);
    });
  }

  configure(definition: QueueDefinition): void {
    if (this.#open && this.#open.definition.version >= definition.version) return;
    const usedMs = this.now();
    const isPaused = this.#open?.queue.state.isPaused ?? false;
    this.#store.writeQueue({ definition, isPaused, usedMs });
    if (this.#open) {
      Object.assign(this.#open, { definition, usedMs, storedUsedMs: usedMs });
      this.#open.queue.configure(definition.config);
      this.#tasks.configured(this.#open);
      this.#watch.configure(definition);
      if (definition.config.single_active_consumer)
        this.#consumers.dismiss(({ consumerId }) => consumerId === ''); // asked again, they are told why not
      this.#handOut.serve();
    } else this.#watch.setUp(() => this.#openQueue({ definition, isPaused, usedMs }));
  }

  closeIf(
    version: number,
    { ifUnused = false, ifEmpty = false, byItself }: QueueDeletion,
  ): Closed | Failure | Stale {
    this.#steps.hurry();
    this.#runDue();
    if (!this.#open || version < this.#open.definition.version) return STALE;
    const { definition, queue } = this.#open;
    const wanted = byItself && this.#tasks.deletionWanted(this.#open, byItself);
    if (wanted === false) return failure('queue_in_use', `queue "${definition.name}" is in use again`);
    const refused = deletionProblem(definition.name, this.#describe(queue), this.#steps.pendingBytes > 0, {
      ifUnused,
      ifEmpty,
    });
    if (refused) return refused;
    this.#deletionGuard.close();
    return { closed: true };
  }

  async destroy(): Promise<void> {
    this.#open = null;
    this.#tasks.cancel();
    this.#handOut.cancel();
    this.#watch.cancel();
    this.#consumers.dismiss();
    this.#publishSockets.dismiss();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  async publish(
    version: number,
    bytes: Uint8Array,
    options: PublishOptions = {},
  ): Promise<Published | Failure | Stale> {
    const learned = this.#watch.learn(options);
    if (learned) await learned;
    if (!this.#current(version)) return STALE;
    const refused = this.#watch.refusal(options, this.#steps.pendingBytes, bytes.length);
    if (refused) return refused;
    const run: Step['run'] = (queue, context) => queue.publish(bytes, options, context);
    return (await this.#steps.submit({ order: 'publish', run }, bytes.length)) as Published;
  }

  async deliver(request: DeliverRequest): Promise<Uint8Array | null | Failure | Stale> {
    const open = this.#current(request.version);
    if (!open) return STALE;
    const refused = this.#handOut.refusal(open, request.consumerId);
    if (refused) return refused;
    this.#tasks.noteUse(open);
    const run: Step['run'] = (queue, context) => this.#handOut.takeAsked(queue, request, context);
    return (await this.#steps.submit({ order: 'deliver', run }, 0)) as Uint8Array | null;
  }

  async settle(version: number, requestJson: Uint8Array): Promise<Settled | Stale> {
    if (!this.#current(version)) return STALE;
    const request = JSON.parse(new TextDecoder().decode(requestJson)) as SettleRequest;
    this.#handOut.noteRoom(request);
    return await this.#settle(runsOf(request), request.consumerId);
  }

  async settleFrame(
    version: number,
    bytes: Uint8Array,
    consumerId: string | undefined,
  ): Promise<Uint8Array | Failure | Stale> {
    if (!this.#current(version)) return STALE;
    const frame = readFrame(bytes);
    return isFailure(frame) ? frame : frame.answer(await this.#settle(frame.runs, consumerId));
  }

  endWaits(version: number, consumerId: string): number | Stale {
    const open = this.#current(version, true);
    if (!open) return STALE;
    const ended = this.#consumers.dismiss(
      (poll) => poll.consumerId === consumerId && poll.keeps === undefined,
    );
    open.queue.resign(consumerId);
    this.#handOut.serve();
    return ended;
  }

  describe(version: number): QueueDescription | Stale {
    const open = this.#current(version, true);
    if (!open) return STALE;
    this.#handOut.serve(); // who is gone is not counted
    return this.#describe(open.queue);
  }

  #describe(queue: StoredQueue): QueueDescription {
    return describeQueue(queue, {
      outgoing_problem: this.#tasks.outgoingProblem,
      consumers: this.#handOut.consumers(),
      alerts: this.#watch.alerts(),
      storage_bytes: this.ctx.storage.sql.databaseSize,
      rows_written: this.#sql.meter.rowsWritten + this.#alarm.timesSet,
      rows_read: this.#sql.meter.rowsRead,
      commits: this.#steps.commits,
      since: this.#since,
    });
  }

  purge(version: number): number | Stale {
    const open = this.#current(version, true);
    if (!open) return STALE;
    const purged = open.queue.commit(() => open.queue.purge());
    this.#watch.changed(false);
    return purged;
  }

  peek(version: number, max: number, bytesMax: number): Uint8Array | Stale {
    const open = this.#current(version, true);
    if (!open) return STALE;
    this.#tasks.noteUse(open);
    return batchesOf(open.queue.peek(max, bytesMax));
  }

  deadLetters(version: number, call: DeadLetterCall): DeadLetterAnswer | Stale {
    return this.#steer(version, call, ({ deadLetters }) => deadLetters.answer(call, this.now()));
  }

  /** Lists messages, cancels one, has it delivered before its turn, or moves many to another queue. */
  messages(version: number, call: MessageCall): MessageAnswer | Stale {
    return this.#steer(version, call, ({ messages }) => messages.answer(call, this.now()));
  }

  #steer<Answer>(
    version: number,
    call: { do: string },
    step: (queue: StoredQueue) => Answer,
  ): Answer | Stale {
    const open = this.#current(version, true);
    if (!open) return STALE;
    const answer = open.queue.commit(() => step(open.queue));
    this.#tasks.schedule();
    this.#handOut.serve(); // what became ready, or what waited for a message of its key
    if (call.do === 'replay' || call.do === 'move') this.#tasks.scheduleReplays();
    return answer;
  }

  setPaused(version: number, isPaused: boolean): boolean | Stale {
    const open = this.#current(version, true);
    if (!open) return STALE;
    if (isPaused !== open.queue.state.isPaused) {
      this.#store.writeQueue({ definition: open.definition, isPaused, usedMs: open.storedUsedMs });
      open.queue.setPaused(isPaused);
      if (!isPaused) this.#handOut.serve();
      this.#watch.noticed();
    }
    return isPaused;
  }

  storedBytes(): number {
    return this.#watch.storedBytes();
  }

  reportChanges(known: KnownReport): ObjectReport | null {
    return this.#watch.answer(known);
  }

  tick(): void {
    this.#runDue();
    this.#watch.noticed();
  }

  /** A delivery: 200 with a frame, 204 for nothing, 101 with a socket that brings it, or 422 with a failure. Or a socket for publishes. */
  override async fetch(request: Request): Promise<Response> {
    const query = JSON.parse(decodeURIComponent(new URL(request.url).search.slice(1))) as SocketRequest;
    if ('publishes' in query)
      return this.#current(query.version) ? this.#publishSockets.accept() : staleReply();
    if (query.prefetch !== undefined) return this.#stream(query);
    const result = await this.deliver(query);
    if (result instanceof Uint8Array) return frameReply(result, query.countsReady ? this.#open : null);
    if (result !== null) return Response.json(result, { status: 422 });
    if (request.headers.get('upgrade') !== 'websocket') return new Response(null, { status: 204 });
    return this.#handOut.accept(query);
  }

  override alarm(): void {
    this.#alarm.fired();
    this.#handOut.serveIfNew();
  }

  /** A settlement on a stream; the answer has its form and says what became of each message. Or how many it may hold. */
  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const answering = this.#publishSockets.answering(socket, message);
    if (answering) return await answering;
    const stream = this.#consumers.streamOf(socket);
    if (!stream) return; // those who poll have nothing to say
    this.#runDue();
    this.#consumers.noteSign(socket, this.now());
    this.#open?.queue.noteSeen(stream.consumerId, this.now());
    const read = readStreamMessage(message);
    if (!isFailure(read) && 'runs' in read)
      return socket.send(read.answer(await this.#settle(read.runs, stream.consumerId, true)));
    this.#steps.hurry();
    if (isFailure(read)) socket.send(writeJson(problemOf(read)));
    else {
      this.#consumers.setPrefetch(socket, read.prefetch);
      socket.send(JSON.stringify(read));
      if (read.prefetch === 0) this.#open?.queue.resign(stream.consumerId);
    }
    this.#handOut.serve(); // it may have room again
  }

  override webSocketClose(socket: WebSocket): void {
    closeToo(socket);
    this.webSocketError(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#steps.hurry(); // what it has settled does not go back
    this.#handOut.left(socket);
  }

  /** The clock. Tests replace it. */
  protected now(): number {
    return Date.now();
  }

  async #settle(runs: readonly SettleRun[], consumerId?: string, isByStream = false): Promise<Settled> {
    if (this.#open) this.#tasks.noteUse(this.#open);
    const run: Step['run'] = (queue, context) => queue.settleRuns(runs, consumerId, context);
    const canWait = isByStream && this.#open !== null && freesNothing(this.#open.queue.state, runs);
    return (await this.#steps.submit({ order: 'settle', run }, 0, canWait)) as Settled;
  }

  #stream(request: DeliverRequest): Response {
    const open = this.#current(request.version);
    if (!open) return staleReply();
    const response = this.#handOut.accept(request);
    this.#tasks.streamsChanged(open);
    this.#watch.streamsChanged();
    return response;
  }

  /** With its last consumer the queue may go as well. */
  #streamsEnded(open: Open, consumers: number): void {
    this.#tasks.streamsChanged(open);
    this.#watch.streamsChanged();
    if (consumers > 0 && open.definition.config.auto_delete && this.#handOut.consumers() === 0)
      this.ctx.waitUntil(deleteItself(this.env, open.definition, 'left'));
  }

  #openQueue({ definition, isPaused, usedMs }: StoredDefinition): void {
    const queue = new StoredQueue(this.#sql, definition, isPaused, this.now());
    this.#open = { definition, queue, usedMs, storedUsedMs: usedMs };
    this.#tasks.begin(this.#open);
    this.#watch.configure(definition);
  }

  /** The open queue, after running what is due; null if the caller's definition is not the current one. */
  #current(version: number, afterSteps = false): Open | null {
    if (afterSteps) this.#steps.hurry(); // the caller looks at what they change, or changes it by other ways
    this.#runDue();
    if (this.#deletionGuard.isClosed) return null;
    return this.#open && version >= this.#open.definition.version ? this.#open : null;
  }

  #runDue(): void {
    this.#alarm.runDue();
    this.#handOut.serveIfNew();
  }

  #context = (): StepContext => ({ nowMs: this.now(), random: Math.random() });

  #commit(steps: readonly Step[]): unknown[] {
    const open = this.#open;
    if (!open) throw new Error('the queue was deleted while calls were on their way');
    const results = commitSteps(open.queue, steps, this.#context());
    this.#tasks.schedule();
    this.#handOut.serve(); // in the same turn: what came and who has it go to disk together
    open.queue.noteServed();
    return results;
  }
}
