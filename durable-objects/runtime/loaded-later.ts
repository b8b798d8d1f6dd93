/**
 * Object whose class is loaded when an isolate first holds one. The runtime asks a worker for all classes of objects when it starts,
 * so it gets this one, which stands before the object: it passes on every call, and none comes before the object is there.
 */

import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';

/** What the runtime calls by itself. */
type Handlers = Partial<
  Pick<DurableObject, 'fetch' | 'alarm' | 'webSocketMessage' | 'webSocketClose' | 'webSocketError'>
>;
type ObjectClass = new (ctx: DurableObjectState, env: Env) => Handlers;
type Methods = Record<string, (...args: unknown[]) => unknown>;

/** What the runtime looks for as soon as there is an instance, so it cannot be taken from the loaded class. */
const HANDLERS = ['fetch', 'alarm', 'webSocketMessage', 'webSocketClose', 'webSocketError'] as const;

export function loadedLater(load: () => Promise<ObjectClass>): ObjectClass {
  class LoadedLater extends DurableObject<Env> {
    #object!: object;

    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, env);
      void ctx.blockConcurrencyWhile(async () => {
        const loaded = await load();
        for (const name of methodsOf(loaded)) LoadedLater.forward(name);
        this.#object = new loaded(ctx, env);
      });
    }

    /** Calls of other workers find methods of the prototype only. */
    static forward(name: string): void {
      if (Object.hasOwn(this.prototype, name)) return;
      const value = function (this: LoadedLater, ...args: unknown[]): unknown {
        return (this.#object as Methods)[name]!(...args);
      };
      Object.defineProperty(this.prototype, name, { value });
    }
  }
  for (const name of HANDLERS) LoadedLater.forward(name);
  return LoadedLater;
}

/** Returns the names of the methods of a class and of those that it extends. */
function methodsOf(loaded: ObjectClass): string[] {
  const names: string[] = [];
  for (
    let prototype = loaded.prototype as object;
    prototype !== DurableObject.prototype && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype) as object
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name !== 'constructor' && typeof value === 'function') names.push(name);
    }
  }
  return names;
}
