/** Kafka socket: one TCP connection, its protocol machine, and the handlers of its requests. */

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { asPosthornError, PosthornError } from '../../sdk/errors.ts';
import { Connection } from '../../wire/kafka/connection/connection.ts';
import { ERRORS } from '../../wire/kafka/error-codes.ts';
import type { Request } from '../../wire/kafka/connection/request.ts';
import { HANDLERS } from './apis/index.ts';
import type { BrokerClients } from './broker/broker-client.ts';
import { PartitionFeeds } from './fetch/partition-feeds.ts';
import { giveReplyBufferBack } from './record-reads/reply-buffers.ts';
import type { Credential } from './login/credentials.ts';
import { Login } from './login/login.ts';
import { Appenders } from './produce/appenders.ts';
import type { Address, Session } from './session.ts';
import { ShareConnection, type ShareSessions } from './share/share-connection.ts';
import type { ShareMembers } from './share/share-members.ts';

export interface SocketSettings {
  /** Of the broker. */
  url: string;
  clients: BrokerClients;
  /** Where logins do not say another. */
  namespace: string;
  /** Where clients reach the gateway; null: where they have dialled. */
  advertised: Address | null;
  autoCreate: boolean;
  partitions: number;
  /** The time until the first request that a login is for, in ms. */
  loginMs: number;
  shareMembers: ShareMembers;
  shareSessions: ShareSessions;
  onError(error: unknown): void;
}

/** Kafka's `socket.request.max.bytes` is 100 MiB; a request of ours has batches of at most 1 MiB. */
const REQUEST_BYTES_MAX = 32 * 1024 * 1024;

/** Of who has not logged in. */
const LOGIN_BYTES_MAX = 256 * 1024;

/** Above it a connection is not read until something is answered. */
const BACKLOG_REQUESTS_MAX = 1_000;
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;

/** A client that sends half a request has this long for the next bytes, in ms. */
const SILENCE_MS_MAX = 30_000;

/** After so many silences without a request a connection is closed: Kafka's ten minutes. */
const SILENCES_MAX = 20;

/** What may wait for records, and what has an order with it. */
const READS: ReadonlySet<string> = new Set(['Fetch', 'ShareFetch', 'ShareAcknowledge']);

export class KafkaSocket {
  readonly #socket: Socket;
  readonly #settings: SocketSettings;
  readonly #connection = new Connection(LOGIN_BYTES_MAX);
  readonly #login: Login;
  readonly #ended = new AbortController();
  #session: Session | null = null;
  /** One for all requests that come before it is there: with a session each they would be served in no order. */
  #opening: Promise<Session | null> | null = null;
  #release: (() => void) | null = null;
  /** The request before, of those that are served one after another. */
  #inOrder: Promise<void> = Promise.resolve();
  #fetching: Promise<void> = Promise.resolve();
  readonly #producing = new Set<Promise<void>>();
  #drained: PromiseWithResolvers<void> | null = null;
  #isFlushing = false;
  #isLettingIn = false;
  #silences = 0;
  #clientId = '';
  readonly #loginTimer: NodeJS.Timeout;

  constructor(socket: Socket, settings: SocketSettings) {
    this.#socket = socket;
    this.#settings = settings;
    const { url, namespace } = settings;
    this.#login = new Login({ url, namespace, isFromHere: isLoopback(socket) });
    this.#loginTimer = setTimeout(() => socket.destroy(), settings.loginMs);
    socket.setNoDelay(true);
    socket.setTimeout(SILENCE_MS_MAX);
    socket.on('data', (chunk) => this.#guard(() => this.#receive(chunk)));
    socket.on('drain', () => this.#onDrain());
    socket.on('timeout', () => this.#onSilence());
    socket.on('error', () => {}); // `close` follows
    socket.on('close', () => this.#end());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#silences = 0;
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (const request of this.#connection.receive(bytes)) this.#schedule(request);
    if (this.#connection.isTooLong && this.#session === null) this.#letIn();
    this.#flushSoon();
  }

  /** The first request is larger than one before the login may be, and the client has just logged in or needs no login. */
  #letIn(): void {
    this.#isLettingIn = true;
    this.#inOrder = this.#inOrder.then(async () => {
      try {
        if (this.#session === null) await (this.#opening ??= this.#open());
      } catch (cause) {
        this.#failed(cause);
      }
      this.#isLettingIn = false;
      this.#flushSoon();
    });
  }

  /**
   * Requests of a connection are served one after another, as by Kafka. Only reads and writes of records go beside them: a read that
   * waits holds up nothing but other reads, and writes have an order of their own in each partition.
   */
  #schedule(request: Request): void {
    const serve = (): Promise<void> => this.#serve(request);
    if (READS.has(request.api)) {
      this.#fetching = this.#fetching.then(() => this.#whenDrained()).then(serve);
    } else if (request.api === 'Produce') {
      const producing = this.#session ? serve() : this.#inOrder.then(serve);
      this.#producing.add(producing);
      void producing.then(() => this.#producing.delete(producing));
    } else {
      const before = [this.#inOrder, ...this.#producing];
      this.#inOrder = Promise.all(before).then(serve);
    }
  }

  /** Never rejects. */
  async #serve(request: Request): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#clientId = request.clientId ?? '';
    try {
      this.#connection.answer(request, await this.#answerTo(request));
      this.#flushSoon();
    } catch (cause) {
      this.#failed(cause);
    }
  }

  async #answerTo({ api, body, version, isUnsupported }: Request): Promise<object | null> {
    if (api === 'SaslHandshake') return this.#login.handshake(body as { mechanism: string });
    if (api === 'SaslAuthenticate') {
      const answer = await this.#login.authenticate(body as { authBytes: Uint8Array });
      if (this.#session) await this.#renew(this.#session);
      return answer;
    }
    if (api === 'ApiVersions') {
      const versions = await HANDLERS['ApiVersions']!(null as never, body as never, version);
      return isUnsupported ? { ...versions, errorCode: ERRORS.UNSUPPORTED_VERSION } : versions;
    }
    if (this.#login.hasEnded) throw new PosthornError('unauthenticated', `${api} after the end of the token`);
    const session = this.#session ?? (await (this.#opening ??= this.#open()));
    if (session === null) throw new PosthornError('unauthenticated', `${api} before a login`);
    return await HANDLERS[api]!(session, body as never, version);
  }

  async #open(): Promise<Session | null> {
    const credential = await this.#login.credential();
    if (credential === null || this.#ended.signal.aborted) return null;
    const { advertised, autoCreate, partitions } = this.#settings;
    clearTimeout(this.#loginTimer);
    this.#session = {
      ...this.#connected(credential),
      address: advertised ?? dialled(this.#socket),
      autoCreate,
      partitions,
      assignments: new Map(),
      patterns: new Map(),
      shares: new ShareConnection(this.#settings.shareSessions),
      shareMembers: this.#settings.shareMembers,
      clientId: () => this.#clientId,
      clientHost: `/${(this.#socket.remoteAddress ?? '').replace(/^::ffff:/, '')}`,
      signal: this.#ended.signal,
    };
    for (const request of this.#connection.allow(REQUEST_BYTES_MAX)) this.#schedule(request);
    return this.#session;
  }

  /** The client has brought its next token. What is under way goes on with the one before. */
  async #renew(before: Session): Promise<void> {
    const credential = await this.#login.credential();
    if (credential === null || credential.token === before.client.token || this.#ended.signal.aborted) return;
    const release = this.#release;
    this.#session = { ...before, ...this.#connected(credential) };
    this.#fetching = this.#fetching.then(() => before.feeds.end());
    release?.();
  }

  #connected({ namespace, token }: Credential): Pick<Session, 'client' | 'feeds' | 'appenders'> {
    const { client, release } = this.#settings.clients.take(namespace, token);
    this.#release = release;
    return { client, feeds: new PartitionFeeds(client), appenders: new Appenders(client) };
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // Not at once: what answers together is written together.
    setImmediate(() => {
      this.#isFlushing = false;
      this.#guard(() => this.#flush());
    });
  }

  #flush(): void {
    const { problem } = this.#connection;
    const chunks = this.#connection.takeOutput();
    if (this.#socket.writable && chunks.length > 0) {
      this.#socket.cork();
      for (const chunk of chunks) this.#socket.write(chunk, (error) => error ?? giveReplyBufferBack(chunk));
      this.#socket.uncork();
    }
    const { requests, bytes } = this.#connection.backlog;
    if (problem !== null && requests === 0 && !this.#isLettingIn) return void this.#socket.end();
    const isFull =
      this.#isLettingIn ||
      requests > BACKLOG_REQUESTS_MAX ||
      bytes > BACKLOG_BYTES_MAX ||
      this.#socket.writableNeedDrain;
    if (isFull) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  async #whenDrained(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return;
    this.#drained ??= Promise.withResolvers();
    await this.#drained.promise;
  }

  #onDrain(): void {
    this.#drained?.resolve();
    this.#drained = null;
    this.#flushSoon();
  }

  #onSilence(): void {
    this.#silences++;
    const isIdle = this.#connection.backlog.requests === 0;
    // Who is not read can send nothing.
    const isStuck = this.#connection.isWithinRequest && !this.#socket.isPaused();
    if (isStuck || (isIdle && this.#silences >= SILENCES_MAX)) this.#socket.destroy();
  }

  /** Requests have no answer for that. The client connects again. */
  #failed(cause: unknown): void {
    if (this.#ended.signal.aborted) return;
    if (!(cause instanceof PosthornError)) this.#settings.onError(cause);
    this.#connection.end(asPosthornError(cause).message);
    this.#socket.destroy();
  }

  #end(): void {
    clearTimeout(this.#loginTimer);
    this.#ended.abort(new PosthornError('aborted', 'the connection has ended'));
    this.#connection.end('the connection has ended');
    this.#onDrain();
    const session = this.#session;
    const release = this.#release;
    this.#release = null;
    session?.feeds.end();
    if (!session) return release?.();
    // What is acquired meanwhile is released too.
    void this.#fetching
      .then(() => session.shares.end(session.client, session.shareMembers))
      .finally(() => release?.());
  }

  /** A fault of ours ends the connection, not the process. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#settings.onError(error);
      this.#socket.destroy();
    }
  }
}

/** With TLS clients say the name that they have dialled, and check that the certificate has it. */
function dialled(socket: Socket): Address {
  const { localAddress = '127.0.0.1', localPort = 0 } = socket;
  const name = socket instanceof TLSSocket ? (socket as { servername?: string | false }).servername : null;
  return { host: name || localAddress.replace(/^::ffff:/, ''), port: localPort };
}

function isLoopback({ remoteAddress = '' }: Socket): boolean {
  return remoteAddress === '::1' || /^(::ffff:)?127\./.test(remoteAddress);
}
