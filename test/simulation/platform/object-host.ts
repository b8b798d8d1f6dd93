/**
 * One Durable Object: its disk, which stays, and the instance that is in memory now, if any.
 *
 * Modelled of the platform: one instance at a time; calls wait for `blockConcurrencyWhile`; the output gate, which holds
 * replies, outgoing calls and socket messages until what was written before them is durable; one alarm; hibernation with
 * its sockets. Harsher than it: calls of one caller are not kept in order, a crash may come between any two steps.
 */

import type { FaultRates } from '../faults.ts';
import { copied } from './copy.ts';
import { Life, type Instance } from './life.ts';
import { currentLife } from './outside.ts';
import type { Machine } from './machine.ts';
import type { Caller } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import { OPEN, type SimSocket, type SocketOwner } from './socket.ts';
import { Disk, SimStorage, type StorageHost } from './storage.ts';

/** What an object needs of the world around it. */
export interface Surroundings {
  scheduler: Scheduler;
  rates: FaultRates;
  /** False: replies leave before they are durable. For showing that the checkers notice. */
  hasOutputGate: boolean;
  machineFor(host: ObjectHost): Machine;
  envFor(caller: Caller, className: string): object;
  socketEnded(socket: SimSocket): void;
  /** Something has happened in it. */
  touched(host: ObjectHost): void;
}

const FLUSH_MS = 3;
const ALARM_RETRIES = 6;
/** After this nobody will claim the other end of a socket any more. */
const UNCLAIMED_MS = 60_000;

/** As its caller gets it. */
function thrownThere(error: unknown): Error {
  return Object.assign(error as Error, { remote: true });
}

export class ObjectHost implements StorageHost, SocketOwner {
  readonly label: string;
  readonly className: string;
  readonly name: string;
  readonly disk = new Disk();
  readonly #world: Surroundings;
  #life: Life | null = null;
  readonly #calls = new Set<{ reject: (error: Error) => void }>();
  readonly #sockets = new Set<SimSocket>();
  #gate: { after: number; action: () => void }[] = [];
  #autoResponse: { request: string; response: string } | null = null;
  #written = 0;
  /** Grows with all that a look at its rows and sockets could find changed. */
  #version = 0;
  #durable = 0;
  #isFlushing = false;
  /** Statements until the one that fails. */
  #failIn = Infinity;
  /** Alarms that are being delivered, or have failed and come again. */
  #alarmsOnTheirWay = 0;
  /** The storage has failed to set the alarm: the next call sets it. */
  #isAlarmRefused = false;

  constructor(world: Surroundings, className: string, name: string) {
    this.#world = world;
    this.className = className;
    this.name = name;
    this.label = `${className} ${name}`;
  }

  get isAwake(): boolean {
    return this.#life !== null;
  }

  get machine(): Machine | null {
    return this.#life?.machine ?? null;
  }

  /** Nothing is under way in it, and all that it wrote is durable. */
  get isQuiet(): boolean {
    return this.#calls.size === 0 && (this.#life?.pending ?? 0) === 0 && this.#written === this.#durable;
  }

  /** The platform calls its alarm whatever is set, or its storage did not let it be set. */
  get isAlarmOnItsWay(): boolean {
    return this.#alarmsOnTheirWay > 0 || this.#isAlarmRefused;
  }

  get version(): number {
    return this.#version;
  }

  get openSockets(): SimSocket[] {
    return [...this.#sockets].filter(({ readyState }) => readyState === OPEN);
  }

  /** What its open sockets carry. */
  get openAttachments(): unknown[] {
    return this.openSockets.map(({ attachment }) => attachment);
  }

  /** A call from another object or a router. */
  call(method: string, args: unknown[]): Promise<unknown> {
    const given = copied(args);
    return this.#receive(method, async (instance) => {
      const found = instance[method];
      if (typeof found !== 'function') throw new TypeError(`${this.className} has no method ${method}`);
      return await (found.call(instance, ...given) as Promise<unknown>);
    });
  }

  /** Loses its memory and what is not durable. */
  crash(reason: string): void {
    const life = this.#life;
    if (!life) return;
    this.#world.scheduler.note(`fault: ${reason} ${this.label}`);
    life.isAlive = false;
    this.#life = null;
    this.#version += 1;
    this.#gate = [];
    this.#isFlushing = false;
    this.#durable = this.#written;
    this.#failIn = Infinity;
    this.disk.crash();
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const { reject } of calls)
      reject(Object.assign(new Error('The Durable Object was reset.'), { durableObjectReset: true }));
    const sockets = [...this.#sockets];
    this.#sockets.clear();
    for (const socket of sockets) {
      this.#world.socketEnded(socket);
      socket.break();
    }
    this.#scheduleAlarm();
  }

  /** Leaves memory, if it has nothing to do. Its sockets stay. */
  evict(): void {
    const life = this.#life;
    if (!life || this.#calls.size > 0 || life.pending > 0 || this.#written !== this.#durable) return;
    this.#world.scheduler.note(`fault: evict ${this.label}`);
    life.isAlive = false;
    this.#life = null;
    this.#version += 1;
  }

  /** No statement fails any more. */
  heal(): void {
    this.#failIn = Infinity;
  }

  breakSocket(index: number): void {
    [...this.#sockets][index % Math.max(1, this.#sockets.size)]?.break();
  }

  // What the storage asks.

  beforeStatement(): void {
    if (this.#life === null) throw new Error('the object is no more');
    if (--this.#failIn > 0) return;
    this.#failIn = Infinity;
    this.#world.scheduler.note(`fault: storage ${this.label}`);
    throw new Error('the storage failed');
  }

  wrote(): void {
    this.#world.touched(this);
    this.#version += 1;
    this.#written += 1;
    this.#flush();
  }

  sync(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#written > this.#durable) this.#gate.push({ after: this.#written, action: resolve });
      else this.#alive('sync', 0.1, resolve);
    });
  }

  soon<Result>(label: string, result: () => Result): Promise<Result> {
    return new Promise((resolve) => this.#alive(label, 1, () => resolve(result())));
  }

  alarmSet(): void {
    this.#isAlarmRefused = false;
    this.#scheduleAlarm();
  }

  alarmRefused(): void {
    this.#isAlarmRefused = true;
  }

  /** Runs the action when all that was written so far is durable; never, if the object crashes before. */
  whenDurable(action: () => void): void {
    if (this.#written > this.#durable && this.#world.hasOutputGate) {
      this.#gate.push({ after: this.#written, action });
    } else action();
  }

  // What its sockets bring.

  received(socket: SimSocket, message: string | ArrayBuffer): void {
    if (!this.#sockets.has(socket)) return;
    if (message === this.#autoResponse?.request) return socket.answerPing(this.#autoResponse.response);
    this.#quietly('socket message', async (instance) => {
      await instance.webSocketMessage?.(socket, message);
    });
  }

  closing(socket: SimSocket): void {
    this.changed();
    this.#world.socketEnded(socket);
  }

  /** A socket has come or gone, or carries something else. */
  changed(): void {
    this.#version += 1;
    this.#world.touched(this);
  }

  closed(socket: SimSocket, code: number, reason: string): void {
    if (!this.#sockets.delete(socket)) return;
    this.changed();
    this.#world.socketEnded(socket);
    this.#quietly('socket close', async (instance) => {
      await instance.webSocketClose?.(socket, code, reason, code === 1000);
    });
  }

  #quietly(label: string, work: (instance: Instance) => Promise<void>): void {
    this.#receive(label, work).catch(() => {});
  }

  #receive(label: string, work: (instance: Instance) => Promise<unknown>): Promise<unknown> {
    const { scheduler, rates } = this.#world;
    const { random } = scheduler;
    this.#world.touched(this);
    if (random() < rates.crash) scheduler.after(random() * 8, 'crash', () => this.crash('crash'));
    if (random() < rates.evict) scheduler.after(random() * 40, 'evict', () => this.evict());
    return new Promise((resolve, reject) => {
      const call = { reject };
      const end = (act: () => void): void => {
        this.whenDurable(() => {
          if (this.#calls.delete(call)) act();
        });
      };
      this.#calls.add(call);
      let life: Life;
      try {
        life = this.#wake();
      } catch (error) {
        this.#calls.delete(call);
        reject(thrownThere(error));
        return;
      }
      // A statement of this call or of what comes after it fails, later than those of the constructor.
      if (random() < rates.storage) this.#failIn = 1 + Math.floor(random() * 12);
      scheduler.note(`${this.label} ${label}`);
      life.ready
        .then(() => (life.isAlive ? currentLife.run(life, () => work(life.instance!)) : undefined))
        .then(
          (result) => {
            if (life.isAlive) end(() => resolve(copied(result)));
          },
          (error: unknown) => {
            if (life.isAlive) end(() => reject(thrownThere(error)));
          },
        );
    });
  }

  #wake(): Life {
    if (this.#life) return this.#life;
    const machine = this.#world.machineFor(this);
    const life = new Life(this, machine);
    this.#life = life;
    this.#version += 1;
    try {
      const Class = machine.exports[this.className] as new (ctx: object, env: object) => Instance;
      const context = this.#context(life);
      const env = this.#world.envFor(life, this.className);
      life.instance = currentLife.run(life, () => new Class(context, env));
    } catch (error) {
      this.#failedToStart(error);
      throw error;
    }
    return life;
  }

  #failedToStart(error: unknown): void {
    if (error instanceof ReferenceError || error instanceof TypeError) this.#world.scheduler.breakWith(error);
    this.crash('start');
  }

  #context(life: Life): object {
    return {
      id: { name: this.name, toString: () => this.name },
      storage: new SimStorage(this.disk, this),
      blockConcurrencyWhile: (work: () => Promise<void>) => {
        life.ready = life.ready.then(() => currentLife.run(life, work));
        life.ready.catch((error: unknown) => {
          if (life.isAlive) this.#failedToStart(error);
        });
        return life.ready;
      },
      waitUntil: (work: Promise<unknown>) => {
        life.pending += 1;
        const done = (): void => void (life.pending -= 1);
        work.then(done, done);
      },
      acceptWebSocket: (socket: SimSocket, tags: readonly string[] = []) => {
        socket.owner = this;
        socket.tags = tags;
        this.#sockets.add(socket);
        this.changed();
        // A response that fails takes its socket with it.
        this.#world.scheduler.after(UNCLAIMED_MS, 'nobody there', () => {
          if (!socket.peer.isAccepted) socket.break();
        });
      },
      getWebSockets: (tag?: string) =>
        [...this.#sockets].filter(
          ({ readyState, tags }) => readyState <= OPEN + 1 && (tag === undefined || tags.includes(tag)),
        ),
      setWebSocketAutoResponse: (pair: { request: string; response: string }) => (this.#autoResponse = pair),
      getWebSocketAutoResponseTimestamp: (socket: SimSocket) => socket.autoAnswered,
      abort: () => this.crash('abort'),
    };
  }

  #alive(label: string, withinMs: number, action: () => void): void {
    const life = this.#life;
    this.#world.scheduler.after(this.#world.scheduler.random() * withinMs, label, () => {
      if (life?.isAlive) action();
    });
  }

  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#alive('flush begins', 0.2, () => {
      const { scheduler, rates } = this.#world;
      const end = this.#written;
      const isEarly = scheduler.random() < 0.5;
      if (isEarly) this.disk.makeDurable();
      this.#alive('flush ends', FLUSH_MS, () => {
        if (scheduler.random() < rates.gate) return this.crash('gate');
        if (!isEarly) this.disk.makeDurable();
        this.#durable = end;
        this.#isFlushing = false;
        const open = this.#gate.filter(({ after }) => after <= end);
        this.#gate = this.#gate.filter(({ after }) => after > end);
        for (const { action } of open) action();
        if (this.#written > end) this.#flush();
      });
    });
  }

  #scheduleAlarm(): void {
    const time = this.disk.alarmMs;
    if (time === null) return;
    const { scheduler, rates } = this.#world;
    const { random } = scheduler;
    const clock = this.#life?.machine.nowMs ?? scheduler.nowMs;
    let delayMs = Math.max(1, time - clock) + random() * 20;
    if (random() < rates.alarm) {
      const kind = random();
      scheduler.note(`fault: alarm ${this.label}`);
      if (kind < 0.2) return; // lost
      if (kind < 0.5) scheduler.after(delayMs + random() * 2_000, 'alarm again', () => this.#fire(null, 0));
      else delayMs += random() * 120_000;
    }
    scheduler.after(delayMs, 'alarm', () => this.#fire(time, 0));
  }

  /** @param time that it was set for; null if it comes though nothing is set */
  #fire(time: number | null, failures: number): void {
    if (time !== null && this.disk.alarmMs !== time) return;
    this.#alarmsOnTheirWay += 1;
    this.#receive('alarm', async (instance) => {
      if (time !== null && this.disk.alarmMs === time) {
        this.disk.alarmMs = null;
        this.wrote();
      }
      await instance.alarm?.();
    }).then(
      () => void (this.#alarmsOnTheirWay -= 1),
      () => {
        if (failures >= ALARM_RETRIES) return void (this.#alarmsOnTheirWay -= 1);
        this.#world.scheduler.after(2_000 * 2 ** failures, 'alarm retry', () => {
          this.#alarmsOnTheirWay -= 1;
          this.#fire(null, failures + 1);
        });
      },
    );
  }
}
