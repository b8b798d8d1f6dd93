/** One stay of an object in memory: its instance, and the work that it has begun. A crash or an eviction ends it. */

import type { Machine } from './machine.ts';
import type { Caller } from './network.ts';
import type { SimSocket } from './socket.ts';

export interface Instance {
  alarm?(): unknown;
  webSocketMessage?(socket: SimSocket, message: string | ArrayBuffer): unknown;
  webSocketClose?(socket: SimSocket, code: number, reason: string, wasClean: boolean): unknown;
  [method: string]: unknown;
}

interface HostOfLife {
  readonly label: string;
  whenDurable(action: () => void): void;
}

export class Life implements Caller {
  isAlive = true;
  readonly name: string;
  instance: Instance | null = null;
  ready: Promise<void> = Promise.resolve();
  /** Work that `waitUntil` was told of. */
  pending = 0;
  readonly machine: Machine;
  readonly #host: HostOfLife;

  constructor(host: HostOfLife, machine: Machine) {
    this.#host = host;
    this.name = host.label;
    this.machine = machine;
  }

  whenDurable(action: () => void): void {
    if (this.isAlive) this.#host.whenDurable(action);
  }
}
