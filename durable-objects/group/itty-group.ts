/**
 * Base class of the group object: what itty-durable makes, with types. It comes from its own module: the entry of the package is
 * CommonJS, which a bundle takes whole.
 */

import { createDurable } from 'itty-durable/itty-durable.js';
import type { Env } from '../env.ts';

interface IttyState extends DurableObjectState {
  env: Env;
  initialized: boolean;
}

export const IttyGroup = createDurable({ autoPersist: false, autoReturn: false }) as unknown as new (
  state: DurableObjectState,
  env: Env,
) => {
  state: IttyState;
  fetch(request: Request): Promise<Response>;
  loadFromStorage(): Promise<void>;
  persist(): Promise<void>;
  destroy(): Promise<void>;
};
