/** All machines and objects of a run, and how they reach each other. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { murmur2 } from '../../../protocol/murmur2.ts';
import type { FaultRates } from '../faults.ts';
import { MemoryBucket } from '../../support/broker/memory-bucket.ts';
import type { GatewayCode } from '../amqp/gateway-code.ts';
import { bucketFor } from './bucket.ts';
import { productCode, type Patch, type ProductCode } from './bundle.ts';
import { copied } from './copy.ts';
import { SimRequest, type SimRequestInit, type SimResponse } from './http.ts';
import { GLOBAL_NAMES, Machine, SHARED_GLOBALS } from './machine.ts';
import { Network, type Caller } from './network.ts';
import { fetchFrom, type Outside } from './outside.ts';
import { ObjectHost, type Surroundings } from './object-host.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimSocket } from './socket.ts';

const MACHINES = 3;
const SKEW_MS_MAX = 60_000;
/** Between two looks at whether a machine ends or a clock jumps. */
const TROUBLE_MS = 500;
/** What the cron trigger says has passed since it ran last. */
const CRON_MS = 300_000;
/** What passes in fact: a run is over in minutes. */
const CRON_PAUSE_MS = 20_000;

interface WranglerConfig {
  vars: Record<string, string>;
  durable_objects: { bindings: { name: string; class_name: string }[] };
}

export interface WorldOptions {
  rates: FaultRates;
  patches?: readonly Patch[];
  hasOutputGate?: boolean;
}

export class World implements Surroundings {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly bucket = new MemoryBucket();
  /** What answers the requests of objects to the outside. Default: nobody does. */
  outside: Outside = () => Promise.reject(new Error('there is nobody outside'));
  readonly hasOutputGate: boolean;
  /** Of the AMQP gateway, for runs that have one. */
  gatewayCode: GatewayCode | null = null;
  readonly #code: ProductCode;
  readonly #config: WranglerConfig;
  readonly #objects = new Map<string, ObjectHost>();
  readonly #machines: Machine[] = [];
  #crons = 0;
  isHealed = false;
  /** Objects in which something has happened since somebody took them out of it. */
  readonly unseen = new Set<ObjectHost>();
  /** Told when an object has seen the end of a socket. */
  onSocketEnded: (socket: SimSocket) => void = () => {};

  static async create(scheduler: Scheduler, options: WorldOptions): Promise<World> {
    const code = await productCode(SHARED_GLOBALS, GLOBAL_NAMES, options.patches ?? []);
    return new World(scheduler, code, options);
  }

  private constructor(
    scheduler: Scheduler,
    code: ProductCode,
    { rates, hasOutputGate = true }: WorldOptions,
  ) {
    this.scheduler = scheduler;
    this.hasOutputGate = hasOutputGate;
    this.#code = code;
    this.#config = parse(
      readFileSync(join(import.meta.dirname, '../../../wrangler.toml'), 'utf8'),
    ) as unknown as WranglerConfig;
    this.network = new Network(scheduler, rates);
    for (let number = 0; number < MACHINES; number++) this.#machines.push(this.#startMachine(number));
    this.#trouble();
    this.#cron();
  }

  get rates(): FaultRates {
    return this.network.rates;
  }

  /** From now on nothing fails any more. Clocks agree. */
  heal(rates: FaultRates): void {
    this.network.rates = rates;
    this.isHealed = true;
    for (const machine of this.#machines) machine.skewMs = 0;
    for (const host of this.objects) host.heal();
    this.scheduler.note('healed');
  }

  close(): void {
    for (const { disk } of this.#objects.values()) disk.close();
  }

  /** A request of a client, to any router. `onRepeat` is called if it arrives twice. */
  request(caller: Caller, path: string, init: SimRequestInit, onRepeat: () => void): Promise<SimResponse> {
    const options = { caller, label: `${init.method ?? 'GET'} ${path}`, mayRepeat: true, onRepeat };
    return this.network.call(options, () =>
      this.#anyMachine().handle(new SimRequest(`https://posthorn.localhost${path}`, init)),
    );
  }

  /** Runs the cron trigger for those slots of a day that have an object, so that the watchdog comes by everywhere. */
  async runCronsOfADay(): Promise<void> {
    const slots = 86_400_000 / CRON_MS;
    const taken = new Set(
      this.objects.map(({ name }) => (murmur2(new TextEncoder().encode(name)) >>> 0) % slots),
    );
    for (let count = 0; count < slots; count++) {
      if (taken.has(this.#crons % slots)) await this.#runCron();
      else this.#crons += 1;
    }
  }

  async runCrons(count: number): Promise<void> {
    for (let run = 0; run < count; run++) await this.#runCron();
  }

  get objects(): ObjectHost[] {
    return [...this.#objects.values()];
  }

  machineFor(): Machine {
    return this.#anyMachine();
  }

  socketEnded(socket: SimSocket): void {
    this.onSocketEnded(socket);
  }

  touched(host: ObjectHost): void {
    this.unseen.add(host);
  }

  /** Null where there is none. */
  find(className: string, name: string): ObjectHost | null {
    return this.#objects.get(`${className} ${name}`) ?? null;
  }

  /** Large bodies are not simulated: only partitions have a bucket. */
  envFor(caller: Caller, className?: string): object {
    const {
      durable_objects: { bindings },
      vars,
    } = this.#config;
    const namespaces = bindings.map(({ name, class_name: className }) => [
      name,
      this.#namespace(caller, className),
    ]);
    return {
      POSTHORN_ANONYMOUS: 'loopback',
      ...vars,
      ...(Object.fromEntries(namespaces) as object),
      ...(className === 'Partition' && { OBJECTS: bucketFor(caller, this.network, this.bucket) }),
    };
  }

  #anyMachine(): Machine {
    return this.#machines[Math.floor(this.scheduler.random() * MACHINES)]!;
  }

  #startMachine(number: number): Machine {
    const { random } = this.scheduler;
    const skewMs =
      this.rates.clock > 0 ? (random() * 2 - 1) * SKEW_MS_MAX * Math.min(1, this.rates.clock) : 0;
    return new Machine(
      `machine ${number}`,
      this.scheduler,
      this.#code,
      skewMs,
      (caller) => this.envFor(caller),
      (caller, url, request) => fetchFrom(caller, this.network, this.outside, url, request),
    );
  }

  #trouble(): void {
    const { random } = this.scheduler;
    this.scheduler.after(TROUBLE_MS * random() * 2, 'trouble', () => {
      if (this.isHealed) return;
      const number = Math.floor(random() * MACHINES);
      if (random() < this.rates.machine * 20) this.#endMachine(number);
      if (random() < this.rates.clock * 0.02) {
        this.#machines[number]!.skewMs = (random() * 2 - 1) * SKEW_MS_MAX;
        this.scheduler.note(`fault: clock of machine ${number}`);
      }
      if (random() < this.rates.loss) {
        const host = this.objects[Math.floor(random() * this.#objects.size)];
        host?.breakSocket(Math.floor(random() * 8));
      }
      this.#trouble();
    });
  }

  #cron(): void {
    this.scheduler.after(CRON_PAUSE_MS * this.scheduler.random() * 2, 'cron', () => {
      if (this.isHealed) return;
      this.#runCron().catch(() => {});
      this.#cron();
    });
  }

  /** Alarms can be lost, but not the cron trigger: it runs on some machine, though that may end in the middle. */
  #runCron(): Promise<void> {
    return this.#anyMachine().cron(CRON_MS * this.#crons++);
  }

  #endMachine(number: number): void {
    const machine = this.#machines[number]!;
    this.scheduler.note(`fault: end of ${machine.name}`);
    machine.stop();
    for (const host of this.#objects.values()) if (host.machine === machine) host.crash('machine');
    this.#machines[number] = this.#startMachine(number);
  }

  #host(className: string, name: string): ObjectHost {
    const key = `${className} ${name}`;
    let host = this.#objects.get(key);
    if (!host) this.#objects.set(key, (host = new ObjectHost(this, className, name)));
    return host;
  }

  #namespace(caller: Caller, className: string): object {
    const stub = (name: string): object => this.#stub(caller, this.#host(className, name));
    const namespace = {
      getByName: stub,
      get: (id: { name: string }) => stub(id.name),
      idFromName: (name: string) => ({ name, toString: () => name }),
      idFromString: (name: string) => ({ name, toString: () => name }),
      newUniqueId: () => {
        const name = Math.floor(this.scheduler.random() * 2 ** 52).toString(16);
        return { name, toString: () => name };
      },
      jurisdiction: () => namespace,
    };
    return namespace;
  }

  #stub(caller: Caller, host: ObjectHost): object {
    // Between objects everything carries an idempotency key; a router's calls the platform delivers once at most.
    const mayRepeat = !(caller instanceof Machine);
    const call = (method: string, args: unknown[]): Promise<unknown> =>
      this.network.call({ caller, label: `${host.label} ${method}`, mayRepeat }, () =>
        host.call(method, args),
      );
    return new Proxy(
      {},
      {
        get: (_, method) => {
          if (typeof method !== 'string' || method === 'then') return undefined;
          if (method === 'fetch') {
            return (url: string, init?: SimRequestInit) => call('fetch', [new SimRequest(url, init)]);
          }
          return (...args: unknown[]) => call(method, copied(args));
        },
      },
    );
  }
}
