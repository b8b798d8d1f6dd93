/** `posthorn move`: takes messages from one queue to another, with a bar that says how long it takes. */

import type { MoveOptions } from '../../admin/queue-messages.ts';
import type { Command, Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import { followJob } from '../output/followed-job.ts';

export const moveCommand: Command = {
  words: ['move'],
  about: 'Move the messages of a queue to another, all or those that match, and wait until they have left',
  load: () => ({
    args: [
      { name: 'FROM', about: 'The queue that they leave' },
      { name: 'TO', about: 'The queue that they go to' },
    ],
    flags: [
      { name: 'id', kind: 'text', isMany: true, about: 'Only this one. May be given more than once' },
      {
        name: 'state',
        kind: 'text',
        choices: ['ready', 'waiting', 'delayed'],
        isMany: true,
        about: 'Only messages in this state. May be given more than once. Default: all but leased ones',
      },
      { name: 'message-id', kind: 'text', about: 'Only those with this message_id' },
      { name: 'ordering-key', kind: 'text', about: 'Only those with this ordering key' },
      { name: 'routing-key', kind: 'text', about: 'Only those that were published with this routing key' },
      { name: 'limit', kind: 'number', min: 1, about: 'How many at most' },
      { name: 'rate-per-s', kind: 'number', min: 1, about: 'How many a second at most' },
      { name: 'dry-run', kind: 'boolean', about: 'Say how many it would be, and move none' },
    ],
    notes: [
      'Ctrl-C ends the waiting; then it asks the broker to stop the move, and says how many have left.',
    ],
    run: move,
  }),
};

async function move(context: Context): Promise<Outcome> {
  const { args, flag, io, printer } = context;
  const [from, to] = [args.get('FROM')!, args.get('TO')!];
  const { queueMessages } = context.connect().posthorn;
  const order = orderOf(context, to);
  if (flag('dry-run') === true) {
    const { wouldMove } = await queueMessages.moveDryRun(from, { ...order, signal: io.signal });
    await printer.result({ queue: from, would_move: wouldMove });
    return 'done';
  }
  const { moved, skipped, state } = await followJob(context, {
    name: 'move',
    unit: 'messages',
    limit: order.limit,
    run: (onProgress) => queueMessages.move(from, { ...order, signal: io.signal, onProgress }),
    cancel: (id) => queueMessages.cancelMove(from, id),
  });
  const rest = skipped > 0 ? `, ${skipped} are gone or with a consumer` : '';
  await printer.result(
    { queue: from, to, state, moved, skipped },
    `${moved} messages were moved to ${to}${rest}`,
  );
  return state === 'done' ? 'done' : 'partly';
}

function orderOf({ flag }: Context, to: string): MoveOptions {
  const filter: NonNullable<MoveOptions['filter']> = {
    ...(flag('message-id') !== undefined && { messageId: flag<string>('message-id')! }),
    ...(flag('ordering-key') !== undefined && { orderingKey: flag<string>('ordering-key')! }),
    ...(flag('routing-key') !== undefined && { routingKey: flag<string>('routing-key')! }),
  };
  return {
    to,
    ...(Object.keys(filter).length > 0 && { filter }),
    ...(flag('id') !== undefined && { ids: flag<string[]>('id')! }),
    ...(flag('state') !== undefined && { states: flag<NonNullable<MoveOptions['states']>>('state')! }),
    ...(flag('limit') !== undefined && { limit: flag<number>('limit')! }),
    ...(flag('rate-per-s') !== undefined && { ratePerS: flag<number>('rate-per-s')! }),
  };
}
