/** A broker of which only the client's side is real: requests wait until a test answers them. */

import { Posthorn } from '../../../sdk/index.ts';
import { recordsIn, splitBatches, isBatchFailure } from '../../../protocol/record-batch/index.ts';

export interface HeldRequest {
  path: string;
  /** Values of its records, as text, in order. */
  values: string[];
  partitions: number[];
  /** Answers it as a broker that has stored all of it. */
  answer: () => void;
  fail: () => void;
  /** Answers it with a problem. */
  refuse: (problem: { code: string } & Record<string, unknown>) => void;
}

export interface HeldBroker {
  posthorn: Posthorn;
  /** Those that wait for an answer, the first first. */
  held: HeldRequest[];
  /** How often something was sent. */
  readonly sent: number;
  /** Answers the first that waits. */
  answer: () => void;
}

/** @param fields of the topic that the producer finds */
export function heldBroker(partitions = 1): HeldBroker {
  const held: HeldRequest[] = [];
  let sent = 0;
  let offset = 0;
  const posthorn = new Posthorn({
    url: 'http://held.invalid',
    retry: { baseMs: 1, maxMs: 2 },
    fetch: (address, { method, body }) => {
      const { pathname: path, searchParams } = new URL(address);
      if (path.endsWith('/producers')) return Promise.resolve(Response.json({ id: 1, epoch: 0 }));
      if (method === 'GET')
        return Promise.resolve(
          Response.json({
            topic: path.split('/').at(-1),
            topic_id: 1,
            partitions,
            max_batch_bytes: 1 << 20,
            cleanup_policy: 'delete',
          }),
        );
      sent++;
      const bytes = body as Uint8Array;
      const batches = splitBatches(bytes);
      if (isBatchFailure(batches)) throw new Error(batches.message);
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      const values = recordsIn(bytes).map(({ value }) => new TextDecoder().decode(value!));
      const done = (settle: () => void): void => {
        held.splice(held.indexOf(request), 1);
        settle();
      };
      const reply = path.endsWith('/messages')
        ? { count: values.length, exceptions: [] }
        : { batches: batches.map(() => ({ base_offset: offset++, append_time: null })) };
      const request: HeldRequest = {
        path,
        values,
        partitions: (searchParams.get('partitions') ?? '').split(',').map(Number),
        answer: () => done(() => resolve(Response.json(reply))),
        refuse: (problem) =>
          done(() =>
            resolve(
              Response.json({ status: 422, retryable: false, detail: 'no', ...problem }, { status: 422 }),
            ),
          ),
        fail: () => done(() => reject(new TypeError('the connection broke'))),
      };
      held.push(request);
      return promise;
    },
  });
  return {
    posthorn,
    held,
    get sent() {
      return sent;
    },
    answer: () => held[0]!.answer(),
  };
}

/** Timers that keep this process alive. */
export const timers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** Some turns of the event loop: enough for whatever waits for no timer. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
