/**
 * Connection: one AMQP connection, from the protocol header to its end. Bytes come in by `receive`, and what is to be sent is
 * taken by `takeOutput`.
 *
 *   header     waits for the protocol header
 *   start      waits for start-ok, then for the answer to the login
 *   tune       waits for tune-ok
 *   opening    waits for open, then for the virtual host
 *   open       has channels
 *   draining   the client closes the connection; publishes that came before get their outcome first
 *   closing    the server has sent `connection.close` and ignores everything but `connection.close-ok`
 *   ended      nothing more is read or written
 */

import type { BrokerPort, Done } from '../broker-port.ts';
import { Channel, type ChannelAbout } from '../channel/channel.ts';
import type { ChannelHost } from '../channel/channel-host.ts';
import { FrameReader } from '../codec/frame-reader.ts';
import { FRAME_TYPES, HEARTBEAT_FRAME, PROTOCOL_HEADER, type Frame } from '../codec/frames.ts';
import { decodeMethod } from '../codec/method-codec.ts';
import { METHODS, methodName, type Method, type MethodFields, type MethodName } from '../codec/methods.ts';
import {
  amqpError,
  isAmqpError,
  isPortError,
  type AmqpError,
  type PortError,
  type ReplyName,
} from '../reply-codes.ts';
import { Backlog } from './backlog.ts';
import type { ConnectionHost } from './connection-host.ts';
import {
  abilitiesOf,
  agreedLimits,
  CHANNEL_MAX,
  FRAME_MAX,
  HEARTBEAT_S,
  serverProperties,
  type ClientAbilities,
  type Limits,
} from './handshake.ts';
import { MECHANISMS, readLogin, type Login } from './login.ts';
import { Output } from './output.ts';

const encoder = new TextEncoder();

/** Half intervals of the heartbeat without any byte after which the other side counts as dead. */
const SILENT_TICKS_MAX = 4;

export class Connection {
  readonly backlog = new Backlog();
  readonly #host: ConnectionHost;
  readonly #bodyBytesMax: number;
  readonly #reader = new FrameReader();
  readonly #output = new Output();
  readonly #channels = new Map<number, Channel>();
  #phase: 'header' | 'start' | 'tune' | 'opening' | 'open' | 'draining' | 'closing' | 'ended' = 'header';
  /** The beginning of the protocol header. */
  #header: number[] = [];
  #login: Login | null = null;
  #port: BrokerPort | null = null;
  #limits: Limits = { frameMax: FRAME_MAX, channelMax: CHANNEL_MAX, heartbeatS: 0 };
  #abilities: ClientAbilities = abilitiesOf([]);
  /** The broker takes none of its messages now. */
  #isBlocked = false;
  /** A login or a virtual host is being looked up; a client that sends on meanwhile is in error. */
  #isWaiting = false;
  #silentTicks = 0;

  /** @param bodyBytesMax the largest body of a message */
  constructor(host: ConnectionHost, bodyBytesMax: number) {
    this.#host = host;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** In seconds, once it is agreed on; 0: none. */
  get heartbeatS(): number {
    return this.#limits.heartbeatS;
  }

  /** For monitoring. */
  get about(): { client: ClientAbilities['texts']; channels: (ChannelAbout & { number: number })[] } {
    const channels = [...this.#channels].map(([number, channel]) => ({ number, ...channel.about }));
    return { client: this.#abilities.texts, channels };
  }

  /** The client has logged in and opened a virtual host. */
  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  /** This side has closed the connection and waits for the client to agree. */
  get isClosing(): boolean {
    return this.#phase === 'closing';
  }

  receive(bytes: Uint8Array): void {
    this.#silentTicks = 0;
    if (this.#phase === 'ended') return;
    const rest = this.#phase === 'header' ? this.#readHeader(bytes) : bytes;
    if (rest.length === 0) return;
    const error = this.#reader.read(rest, (frame) => this.#take(frame));
    if (error !== null) this.#fail(error);
    this.#host.wake();
  }

  /** Everything that is to be sent now. */
  takeOutput(): Uint8Array {
    for (const channel of this.#channels.values()) channel.writeConfirms();
    return this.#output.take();
  }

  /**
   * Called twice in each interval of the heartbeat. Sends a heartbeat, also beside other frames: some clients count a whole interval
   * without a byte as too much, and one that is left out makes the pause as long. Returns false if the client counts as dead.
   * @param isRead what the client sends is read. If not, it is not the client that is silent
   */
  tick(isRead: boolean): boolean {
    if (this.#phase === 'open') this.#output.add(HEARTBEAT_FRAME);
    this.#host.wake();
    this.#silentTicks = isRead ? this.#silentTicks + 1 : 0;
    return this.#silentTicks <= SILENT_TICKS_MAX;
  }

  /** Tells the client why the broker takes none of its messages now; null: it does again. */
  setBlocked(reason: string | null): void {
    const isBlocked = reason !== null;
    if (isBlocked === this.#isBlocked) return;
    this.#isBlocked = isBlocked;
    if (!this.#abilities.takesBlocks || !this.isOpen) return;
    if (isBlocked) this.#send('connection.blocked', { reason });
    else this.#send('connection.unblocked', {});
    this.#host.wake();
  }

  /** Closes the connection from this side, with `connection.close`. */
  close(reply: ReplyName, reason: string): void {
    this.#fail(amqpError(reply, reason));
  }

  /** The socket is gone. */
  end(): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    for (const channel of this.#channels.values()) channel.end();
    this.#channels.clear();
  }

  #readHeader(bytes: Uint8Array): Uint8Array {
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] !== PROTOCOL_HEADER[this.#header.length]) {
        // Section 4.2.2: a server answers any other beginning with the header that it would take.
        this.#output.add(PROTOCOL_HEADER);
        this.#finish();
        return new Uint8Array();
      }
      this.#header.push(bytes[at]!);
      if (this.#header.length < PROTOCOL_HEADER.length) continue;
      this.#start();
      return bytes.subarray(at + 1);
    }
    return new Uint8Array();
  }

  #start(): void {
    this.#phase = 'start';
    this.#send('connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: serverProperties(this.#host.version),
      mechanisms: encoder.encode(MECHANISMS),
      locales: encoder.encode('en_US'),
    });
    this.#host.wake();
  }

  /** @returns whether to read on */
  #take(frame: Frame): boolean {
    const { type, channel } = frame;
    if (this.#phase === 'ended') return false;
    if (type === FRAME_TYPES.heartbeat) {
      if (channel !== 0) this.#fail(amqpError('unexpected-frame', 'a heartbeat on a channel'));
    } else if (type !== FRAME_TYPES.method && type !== FRAME_TYPES.header && type !== FRAME_TYPES.body) {
      this.#fail(amqpError('frame-error', `${type} is no type of frames`));
    } else if (channel === 0) this.#takeOwn(frame);
    else if (this.#phase === 'open') this.#takeForChannel(frame);
    else if (this.#phase !== 'closing' && this.#phase !== 'draining') {
      this.#fail(amqpError('channel-error', 'the connection is not open'));
    }
    return true;
  }

  #takeForChannel(frame: Frame): void {
    const { channel: number, type, payload } = frame;
    const channel = this.#channels.get(number);
    const name = type === FRAME_TYPES.method ? nameOf(payload) : undefined;
    if (name !== 'channel.open') {
      if (channel !== undefined) return channel.take(frame);
      // A close-ok may be left of a close that both sides have sent.
      if (name === 'channel.close-ok') return;
      return this.#fail(amqpError('channel-error', "expected 'channel.open'", idsOf(name)));
    }
    if (channel !== undefined) {
      return this.#fail(amqpError('channel-error', "second 'channel.open' seen", idsOf(name)));
    }
    // As with RabbitMQ, `channel_max` bounds how many channels are open, and a client may give them any numbers.
    if (this.#channels.size >= this.#limits.channelMax) {
      const reason = `channel_max (${this.#limits.channelMax}) channels are open`;
      return this.#fail(amqpError('not-allowed', reason, idsOf(name)));
    }
    const opened = decodeMethod(payload);
    if (isAmqpError(opened)) return this.#fail(opened);
    this.#channels.set(number, new Channel(this.#channelHost(number)));
    return this.#output.method(number, 'channel.open-ok', { channelId: new Uint8Array() });
  }

  #channelHost(number: number): ChannelHost {
    return {
      port: this.#port!,
      user: this.#login!.user,
      takesCancels: this.#abilities.takesCancels,
      sharesPrefetch: this.#abilities.sharesPrefetch,
      bodyBytesMax: this.#bodyBytesMax,
      send: (name, fields) => {
        if (!this.#isSilent) this.#output.method(number, name, fields);
        this.#host.wake();
      },
      sendContent: (name, fields, content) => {
        if (!this.#isSilent) this.#output.content(number, name, fields, content);
        this.#host.wake();
      },
      hold: (count, bytes) => {
        this.backlog.hold(count, bytes);
        if (count < 0) this.#host.wake();
      },
      gather: (bytes) => this.backlog.gather(bytes),
      wake: () => this.#host.wake(),
      fail: (error) => this.#fail(error),
      ended: () => this.#channels.delete(number),
    };
  }

  #takeOwn({ type, payload }: Frame): void {
    if (type !== FRAME_TYPES.method) {
      return this.#fail(amqpError('unexpected-frame', 'content on channel 0'));
    }
    const method = decodeMethod(payload);
    if (this.#phase === 'closing') {
      if (!isAmqpError(method) && method.name === 'connection.close') this.#send('connection.close-ok', {});
      if (!isAmqpError(method) && method.name === 'connection.close-ok') this.#finish();
      return;
    }
    if (isAmqpError(method)) return this.#fail(method);
    if (method.name === 'connection.close') return this.#closeForClient();
    if (this.#phase === 'draining') return;
    if (this.#isWaiting) return this.#fail(outOfPlace(method.name));
    this.#handshake(method);
  }

  #handshake(method: Method): void {
    const { name, fields } = method;
    if (this.#phase === 'start' && name === 'connection.start-ok') return this.#logIn(fields);
    if (this.#phase === 'tune' && name === 'connection.tune-ok') {
      const limits = agreedLimits(fields);
      if (isAmqpError(limits)) return this.#fail(limits);
      this.#limits = limits;
      this.#reader.frameMax = limits.frameMax;
      this.#output.frameMax = limits.frameMax;
      this.#phase = 'opening';
      return;
    }
    if (this.#phase === 'opening' && name === 'connection.open') return this.#openHost(fields);
    if (this.#phase === 'open' && name === 'connection.update-secret') return this.#renew(fields);
    this.#fail(outOfPlace(name));
  }

  #logIn({ clientProperties, mechanism, response }: MethodFields<'connection.start-ok'>): void {
    this.#abilities = abilitiesOf(clientProperties);
    const login = readLogin(mechanism, response);
    if (login === null) {
      const reason = `login with mechanism ${mechanism}: not one of ${MECHANISMS}, or malformed`;
      return this.#refuseLogin({ reply: 'access-refused', reason });
    }
    this.#host.authenticate(
      login,
      this.#answer('start', (answer) => {
        if (isPortError(answer)) return this.#refuseLogin(answer);
        this.#login = login;
        this.#phase = 'tune';
        this.#send('connection.tune', {
          channelMax: CHANNEL_MAX,
          frameMax: FRAME_MAX,
          heartbeat: HEARTBEAT_S,
        });
      }),
    );
  }

  #renew({ newSecret }: MethodFields<'connection.update-secret'>): void {
    const login = { user: this.#login!.user, password: new TextDecoder().decode(newSecret) };
    this.#host.renew(
      login,
      this.#answer('open', (answer) => {
        const ids = METHODS['connection.update-secret'];
        if (isPortError(answer)) return this.#fail(amqpError('not-allowed', answer.reason, ids));
        this.#send('connection.update-secret-ok', {});
      }),
    );
  }

  /** A client that does not know the capability takes a closed socket for a failed login. */
  #refuseLogin({ reply, reason }: PortError): void {
    if (this.#abilities.takesLoginFailure) this.#fail(amqpError(reply, reason));
    else this.#finish();
  }

  #openHost({ virtualHost }: MethodFields<'connection.open'>): void {
    this.#host.openHost(
      this.#login!,
      virtualHost,
      this.#answer('opening', (port) => {
        const ids = METHODS['connection.open'];
        if (isPortError(port)) return this.#fail(amqpError(port.reply, port.reason, ids));
        this.#port = port;
        this.#phase = 'open';
        this.#send('connection.open-ok', { knownHosts: '' });
      }),
    );
  }

  /** Takes the answer of the host if the connection still waits for it. */
  #answer<Value>(
    phase: 'start' | 'opening' | 'open',
    take: (answer: Value | PortError) => void,
  ): Done<Value> {
    this.#isWaiting = true;
    return (answer) => {
      this.#isWaiting = false;
      if (this.#phase !== phase) return;
      take(answer);
      this.#host.wake();
    };
  }

  #closeForClient(): void {
    if (this.#phase === 'draining') return;
    this.#phase = 'draining';
    let left = this.#channels.size + 1;
    const done = (): void => {
      if (--left > 0 || this.#phase !== 'draining') return;
      this.#send('connection.close-ok', {});
      this.#finish();
    };
    for (const channel of [...this.#channels.values()]) channel.finish(done);
    done();
  }

  /** Even a soft error closes the connection here: it concerns no channel. */
  #fail({ replyCode, replyText, classId, methodId }: AmqpError): void {
    if (this.#isSilent) return;
    const hasStarted = this.#phase !== 'header';
    for (const channel of this.#channels.values()) channel.writeConfirms();
    this.#phase = 'closing';
    for (const channel of this.#channels.values()) channel.end();
    this.#channels.clear();
    if (hasStarted) this.#send('connection.close', { replyCode, replyText, classId, methodId });
    else this.#finish();
    this.#host.wake();
  }

  /** Nothing is sent any more but the end of the connection. */
  get #isSilent(): boolean {
    return this.#phase === 'closing' || this.#phase === 'ended';
  }

  #finish(): void {
    this.end();
    this.#host.wake();
    this.#host.finished();
  }

  #send<Name extends MethodName>(name: Name, fields: MethodFields<Name>): void {
    this.#output.method(0, name, fields);
  }
}

function nameOf(payload: Uint8Array): MethodName | undefined {
  if (payload.length < 4) return undefined;
  return methodName((payload[0]! << 8) | payload[1]!, (payload[2]! << 8) | payload[3]!);
}

const idsOf = (name: MethodName | undefined) => (name === undefined ? undefined : METHODS[name]);

const outOfPlace = (name: MethodName): AmqpError =>
  amqpError('command-invalid', `${name} came where it has no place`, METHODS[name]);
