/** Followed job: work of the broker that a command waits for, with a bar, and that it stops when the person does. */

import type { Context } from '../command.ts';
import { Failure } from '../failure.ts';
import { Progress } from './progress.ts';

interface JobProgress {
  id: string;
  lookedAt: number;
  total: number;
}

export interface Job<Ended> {
  /** What it is called, and what it moves. */
  name: string;
  unit: string;
  /** How many it moves at most. */
  limit: number | undefined;
  run(onProgress: (now: JobProgress) => void): Promise<Ended>;
  /** Asks the broker to stop it. */
  cancel(id: string): Promise<{ moved: number }>;
}

/** Throws `interrupted`, with how many have left, after Ctrl-C. */
export async function followJob<Ended>({ io, printer }: Context, job: Job<Ended>): Promise<Ended> {
  const progress = new Progress(printer, job.unit);
  let id: string | undefined;
  try {
    const ended = await job.run((now) => {
      id = now.id;
      progress.update(now.lookedAt, Math.min(now.total, job.limit ?? Infinity));
    });
    await progress.clear();
    return ended;
  } catch (error) {
    await progress.clear();
    if (!io.signal.aborted || id === undefined) throw error;
    const { moved } = await job.cancel(id);
    throw new Failure('interrupted', `the ${job.name} was stopped; ${moved} ${job.unit} have left`, {
      details: { moved },
    });
  }
}
