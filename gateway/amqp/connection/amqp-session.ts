/**
 * AMQP session: one connection of a client and its AMQP machine, over TCP or whatever else carries bytes. It has what the machine
 * must not have: time and I/O.
 */

import { isName } from '../../../protocol/names/name-rule.ts';
import { VERSION } from '../../../protocol/version.ts';
import type { BrokerPort, Done } from '../../../wire/amqp/broker-port.ts';
import { Connection } from '../../../wire/amqp/connection/connection.ts';
import type { Login } from '../../../wire/amqp/connection/login.ts';
import { atEndOfTurn } from '../../../sdk/client/end-of-turn.ts';
import { isPortError, portError } from '../../../wire/amqp/reply-codes.ts';
import type { BrokerAddress, BrokerClient, BrokerClients } from './broker-clients.ts';
import { portErrorOf } from '../broker-errors.ts';
import { credentialOf, probe, type Credential } from './credentials.ts';
import type { ExclusiveQueues } from '../queues/exclusive-queues.ts';
import type { QueueConsumers } from '../queues/queue-consumers.ts';
import type { QueueEndings } from '../queues/queue-endings.ts';
import { SdkPort } from '../sdk-port.ts';
import { namespaceOf } from './virtual-host.ts';

/** What carries the bytes of a session. */
export interface Duplex {
  /** Whether the client is on this machine. */
  readonly isFromHere: boolean;
  /** Both ends, for monitoring. */
  readonly name: string;
  readonly isWritable: boolean;
  /** Much waits until the client reads it. The session is told when that is over. */
  readonly isFull: boolean;
  /** What waits until the client reads it. */
  readonly unreadBytes: number;
  readonly isPaused: boolean;
  write(bytes: Uint8Array): void;
  /** Until it is resumed nothing more is received. */
  pause(): void;
  resume(): void;
  /** Closes it when all is written. */
  end(): void;
  destroy(): void;
}

export interface SessionSettings {
  broker: BrokerAddress;
  clients: BrokerClients;
  exclusive: ExclusiveQueues;
  consumers: QueueConsumers;
  endings: QueueEndings;
  /** The time for the login, in ms. */
  loginMs: number;
  /** The largest body of a message. */
  bodyBytesMax: number;
  onError(error: unknown): void;
}

type About = Readonly<Connection['about']>;

/** An open connection, for monitoring. */
export interface OpenConnection extends About {
  name: string;
  user: string;
  namespace: string;
  /** What it has logged in with. */
  credential: Credential;
  heartbeatS: number;
  connectedAtMs: number;
  close(reason: string): void;
}

/** Above it a connection is not read until the broker has taken some. */
const BACKLOG_COUNT_MAX = 10_000;
const BACKLOG_BYTES_MAX = 16 * 1024 * 1024;

/** Above it a client is not read until it reads: what it asks is answered, and answers are longer than questions. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;

/** How long a client may take to agree to a close, in ms. */
const CLOSE_MS = 5_000;

export class AmqpSession {
  readonly #duplex: Duplex;
  readonly #settings: SessionSettings;
  readonly #connection: Connection;
  readonly #loginTimer: ReturnType<typeof setTimeout>;
  #credential: Credential | null = null;
  #port: SdkPort | null = null;
  #client: BrokerClient | null = null;
  #namespace = '';
  #user = '';
  readonly #connectedAtMs = Date.now();
  #heart: ReturnType<typeof setInterval> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #isFlushing = false;
  #isFinished = false;
  #hasEnded = false;
  #drained: PromiseWithResolvers<void> | null = null;

  constructor(duplex: Duplex, settings: SessionSettings) {
    this.#duplex = duplex;
    this.#settings = settings;
    this.#connection = new Connection(
      {
        version: VERSION,
        authenticate: (login, done) => void this.#authenticate(login, done),
        renew: (login, done) => void this.#renew(login, done),
        openHost: ({ user }, virtualHost, done) => {
          this.#user = user;
          void this.#openHost(virtualHost, done);
        },
        wake: () => this.#wake(),
        finished: () => this.#finish(),
      },
      settings.bodyBytesMax,
    );
    this.#loginTimer = setTimeout(() => duplex.destroy(), settings.loginMs);
  }

  receive(bytes: Uint8Array): void {
    this.#guard(() => this.#connection.receive(bytes));
  }

  /** The duplex is not full any more. */
  drained(): void {
    this.#drained?.resolve();
    this.#drained = null;
    if (this.#duplex.isPaused) this.#wake();
  }

  /** The duplex is closed, by whichever side. */
  ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isFinished = true;
    clearTimeout(this.#loginTimer);
    clearTimeout(this.#closeTimer);
    clearInterval(this.#heart);
    this.drained();
    this.#connection.end();
    this.#port?.close();
    this.#client?.release();
    this.#client = null;
  }

  /** Null before the client has opened a virtual host. */
  describe(): OpenConnection | null {
    const { isOpen, about, heartbeatS } = this.#connection;
    if (!isOpen || this.#hasEnded) return null;
    return {
      name: this.#duplex.name,
      user: this.#user,
      namespace: this.#namespace,
      credential: this.#credential!,
      ...about,
      heartbeatS,
      connectedAtMs: this.#connectedAtMs,
      close: (reason) => this.#connection.close('connection-forced', reason),
    };
  }

  /** Tells the client that this server stops. */
  stop(): void {
    const reason = "broker forced connection closure with reason 'shutdown'";
    this.#connection.close('connection-forced', reason);
  }

  destroy(): void {
    this.#duplex.destroy();
  }

  async #authenticate(login: Login, done: Done<null>): Promise<void> {
    try {
      const credential = await credentialOf(this.#settings.broker, login, this.#duplex.isFromHere);
      if (isPortError(credential)) return done(credential);
      this.#credential = credential;
      done(null);
    } catch (error) {
      done(portErrorOf(error));
    }
  }

  async #renew(login: Login, done: Done<null>): Promise<void> {
    // A broker without tokens has nothing to check a secret by.
    if (this.#credential!.token === null) return done(null);
    try {
      const { broker } = this.#settings;
      const credential = await credentialOf(broker, login, this.#duplex.isFromHere);
      if (isPortError(credential)) return done(credential);
      const problem = await probe(broker, this.#namespace, credential.token);
      if (problem !== null) return done(portError('not-allowed', `the new secret was refused: ${problem}`));
      this.#client?.renew(credential.token);
      done(null);
    } catch (error) {
      done(portErrorOf(error));
    }
  }

  async #openHost(virtualHost: string, done: Done<BrokerPort>): Promise<void> {
    const { broker, clients, exclusive, consumers, endings } = this.#settings;
    const { token } = this.#credential!;
    const namespace = namespaceOf(virtualHost);
    const problem = isName(namespace) ? await probe(broker, namespace, token) : 'namespace_not_found';
    if (this.#isFinished) return;
    if (problem === 'namespace_not_found')
      return done(portError('not-allowed', `vhost ${virtualHost} not found`));
    if (problem !== null) {
      return done(portError('access-refused', `access to vhost '${virtualHost}' refused: ${problem}`));
    }
    const client = clients.take(namespace, token);
    this.#client = client;
    this.#namespace = namespace;
    const drained = (): Promise<void> | undefined => this.#whenDrained();
    const setBlocked = (reason: string | null): void => this.#connection.setBlocked(reason);
    const shared = { exclusive, consumers, endings };
    this.#port = new SdkPort({ client, namespace, virtualHost, ...shared, drained, setBlocked });
    done(this.#port);
  }

  #wake(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // Not at once: what answers together is written together, and confirmed by one confirm.
    atEndOfTurn(() => this.#guard(() => this.#flush()));
  }

  #flush(): void {
    const bytes = this.#connection.takeOutput();
    // Not before: confirms that are written wake it, and would have it look once more for nothing.
    this.#isFlushing = false;
    if (bytes.length > 0 && this.#duplex.isWritable) this.#duplex.write(bytes);
    const { count, bytes: heldBytes } = this.#connection.backlog;
    const isFull =
      count > BACKLOG_COUNT_MAX ||
      heldBytes > BACKLOG_BYTES_MAX ||
      this.#duplex.unreadBytes > UNREAD_BYTES_MAX;
    if (isFull) this.#duplex.pause();
    else if (this.#duplex.isPaused) this.#duplex.resume();
    if (this.#connection.isOpen) this.#onOpen();
    if (this.#connection.isClosing) this.#closeTimer ??= setTimeout(() => this.#duplex.destroy(), CLOSE_MS);
  }

  #onOpen(): void {
    clearTimeout(this.#loginTimer);
    const { heartbeatS } = this.#connection;
    if (this.#heart !== undefined || heartbeatS === 0) return;
    this.#heart = setInterval(() => {
      if (!this.#connection.tick(!this.#duplex.isPaused)) this.#duplex.destroy();
    }, heartbeatS * 500);
  }

  #finish(): void {
    this.#isFinished = true;
    this.#wake();
    atEndOfTurn(() => {
      this.#guard(() => this.#flush());
      this.#duplex.end();
      this.#closeTimer ??= setTimeout(() => this.#duplex.destroy(), CLOSE_MS);
    });
  }

  #whenDrained(): Promise<void> | undefined {
    if (!this.#duplex.isFull || this.#hasEnded) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** A fault of ours ends the connection, not the process. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#settings.onError(error);
      this.#duplex.destroy();
    }
  }
}
