/** A worker with a store of handled messages; a request is one message, and says what becomes of its handler. */

import {
  durableObjectStore,
  HandledMessages,
  once,
  PosthornError,
  type HandledMessagesNamespace,
} from '../../../sdk/index.ts';

export { HandledMessages };

interface Env {
  HANDLED_MESSAGES: HandledMessagesNamespace;
}

let runs = 0;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { id, leaseMs, fate } = (await request.json()) as { id: string; leaseMs: number; fate: string };
    const store = durableObjectStore(env.HANDLED_MESSAGES);
    const crash = (): Promise<never> => Promise.reject(new Error('crashed'));
    // A process that crashes gives nothing back and notes nothing.
    const used = fate === 'crash' ? { ...store, release: crash, complete: crash } : store;
    try {
      const handler = (): number => {
        runs += 1;
        if (fate === 'throw') throw new Error('thrown');
        return runs;
      };
      return Response.json(await once(used, id, handler, { leaseMs }));
    } catch (error) {
      return Response.json({ error: error instanceof PosthornError ? error.code : (error as Error).message });
    }
  },
};
