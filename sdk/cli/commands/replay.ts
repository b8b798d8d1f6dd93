/** `posthorn replay`: sends dead letters back, with a bar that says how long it takes. `posthorn reset` moves a group. */

import type { Command, Context } from '../command.ts';
import type { DeadLetterFilter, ReplayOptions, ReplayTo } from '../../admin/dead-letters.ts';
import { toWire } from '../../client/wire.ts';
import type { Outcome } from '../exit-codes.ts';
import { usage } from '../failure.ts';
import { followJob } from '../output/followed-job.ts';
import { positionOf } from './tail.ts';

export const replayCommand: Command = {
  words: ['replay'],
  about: 'Send the dead letters of a queue back, all or those that match, and wait until they have left',
  load: () => ({
    args: [{ name: 'QUEUE', about: 'The queue where they died, or the one that holds them' }],
    flags: [
      { name: 'id', kind: 'text', isMany: true, about: 'Only this one. May be given more than once' },
      {
        name: 'reason',
        kind: 'text',
        choices: ['rejected', 'expired', 'maxlen', 'delivery_limit'],
        about: 'Only those that died of it',
      },
      { name: 'error-type', kind: 'text', about: 'Only those whose last error has this type' },
      { name: 'original-queue', kind: 'text', about: 'Only those that died first in this queue' },
      { name: 'to-queue', kind: 'text', about: 'Send them to this queue. Default: where each died first' },
      { name: 'limit', kind: 'number', min: 1, about: 'How many at most' },
      { name: 'rate-per-s', kind: 'number', min: 1, about: 'How many a second at most' },
      { name: 'dry-run', kind: 'boolean', about: 'Say how many it would be, and send none' },
    ],
    notes: [
      'Ctrl-C ends the waiting; then it asks the broker to stop the replay, and says how many have left.',
    ],
    run: replay,
  }),
};

async function replay(context: Context): Promise<Outcome> {
  const { args, flag, io, printer } = context;
  const queue = args.get('QUEUE')!;
  const { deadLetters } = context.connect().posthorn;
  const order = orderOf(context);
  if (flag('dry-run') === true) {
    const { wouldReplay, wouldSkip } = await deadLetters.dryRun(queue, { ...order, signal: io.signal });
    await printer.result({ queue, would_replay: wouldReplay, would_skip: wouldSkip });
    return 'done';
  }
  const { moved, skipped, state } = await followJob(context, {
    name: 'replay',
    unit: 'dead letters',
    limit: order.limit,
    run: (onProgress) => deadLetters.replay(queue, { ...order, signal: io.signal, onProgress }),
    cancel: (id) => deadLetters.cancel(queue, id),
  });
  await printer.result(
    { queue, state, moved, skipped },
    `${moved} dead letters were sent back, ${skipped} stay`,
  );
  return state === 'done' ? 'done' : 'partly';
}

function orderOf({ flag }: Context): ReplayOptions {
  const filter: DeadLetterFilter = {
    ...(flag('reason') !== undefined && {
      reason: flag<string>('reason') as NonNullable<DeadLetterFilter['reason']>,
    }),
    ...(flag('error-type') !== undefined && { errorType: flag<string>('error-type')! }),
    ...(flag('original-queue') !== undefined && { originalQueue: flag<string>('original-queue')! }),
  };
  const to: ReplayTo | undefined =
    flag('to-queue') === undefined ? undefined : { queue: flag<string>('to-queue')! };
  return {
    ...(Object.keys(filter).length > 0 && { filter }),
    ...(flag('id') !== undefined && { ids: flag<string[]>('id')! }),
    ...(to !== undefined && { to }),
    ...(flag('limit') !== undefined && { limit: flag<number>('limit')! }),
    ...(flag('rate-per-s') !== undefined && { ratePerS: flag<number>('rate-per-s')! }),
  };
}

export const resetCommand: Command = {
  words: ['reset'],
  about: 'Move the offsets of a group that has no members',
  load: () => ({
    args: [
      { name: 'GROUP', about: 'The group' },
      { name: 'TOPIC', about: 'The topic' },
    ],
    flags: [
      {
        name: 'to',
        kind: 'text',
        about: 'earliest, latest, an offset, @ and a time in ms since 1970 or RFC 3339, or none: forget',
      },
      { name: 'shift-by', kind: 'number', about: 'Instead: move by this many records, back if negative' },
      { name: 'partition', short: 'p', kind: 'number', min: 0, about: 'Only this partition' },
      { name: 'dry-run', kind: 'boolean', about: 'Say what would change, and change nothing' },
    ],
    run: async (context) => {
      const { args, flag, printer, signal } = context;
      const [to, shiftBy] = [flag<string>('to'), flag<number>('shift-by')];
      if ((to === undefined) === (shiftBy === undefined))
        throw usage('reset needs one of --to and --shift-by');
      const partition = flag<number>('partition');
      const where =
        to !== undefined ? { to: to === 'none' ? ('none' as const) : positionOf(to) } : { shiftBy: shiftBy! };
      const offsets = await context.connect().posthorn.groups.reset(
        args.get('GROUP')!,
        {
          topic: args.get('TOPIC')!,
          ...where,
          ...(partition !== undefined && { partitions: [partition] }),
          ...(flag('dry-run') === true && { dryRun: true }),
        },
        { signal },
      );
      const rows = offsets.map((offset) => toWire(offset));
      await printer.list({ offsets: rows }, rows, undefined, 'There is nothing to reset.');
    },
  }),
};
