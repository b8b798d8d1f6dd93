/** Under which conditions a queue may be deleted, as a table. */

import { expect, it } from 'vitest';
import { deletionProblem } from '../../../../core/topology/queues/queue-deletion.ts';
import type { QueueStatus } from '../../../../protocol/schemas/queues.ts';
import { rowsOf, wordsOf } from '../../../support/tables/text-table.ts';

/** `has`: the counts of its status, and `taking=1` while messages are being stored. */
const ROWS = rowsOf<'if' | 'has' | 'refused' | 'because'>(`
  if           | has                     | refused         | because
               | ready=5 consumers=2     |                 | nothing is asked for
  unused       | ready=5                 |                 | messages are no use
  unused       | consumers=1             | queue_in_use    | a consumer waits
  unused       | leased=1                | queue_in_use    | or holds one
  empty        | consumers=3             |                 | consumers are no messages
  consumers    | leased=1                |                 | if holding is no use
  consumers    | consumers=1             | queue_in_use    | and waiting is
  empty        | ready=1                 | queue_not_empty | a message that can be delivered
  empty        | leased=1                | queue_not_empty | that a consumer holds
  empty        | parked=1                | queue_not_empty | that waits for its time
  empty        | outgoing=1              | queue_not_empty | that is on its way out
  empty        | taking=1                | queue_not_empty | that is being stored
  unleased     | leased=1                |                 | if those do not count
  unleased     | ready=1 leased=1        | queue_not_empty | but those that wait
  unleased     | parked=1                | queue_not_empty | for their time, too
  unleased     | outgoing=1              | queue_not_empty | or are on their way out
  unused empty | consumers=1 ready=1     | queue_in_use    | the first reason is told
  unused empty |                         |                 | nothing speaks against it
`);

it.each(ROWS)(
  'a queue that has "$has" goes if "$if": "$refused", $because',
  ({ if: condition, has, refused }) => {
    const { options } = wordsOf(`has ${has}`);
    const count = (name: string): number => Number(options[name] ?? 0);
    const status = {
      ready: count('ready'),
      leased: count('leased'),
      parked: count('parked'),
      outgoing: count('outgoing'),
      consumers: count('consumers'),
    } as QueueStatus;
    const asks = (word: string): boolean => condition.includes(word);
    const asked = {
      ifUnused: asks('consumers') ? ('consumers' as const) : asks('unused'),
      ifEmpty: asks('unleased') ? ('unleased' as const) : asks('empty'),
    };
    expect(deletionProblem('orders', status, count('taking') > 0, asked)?.code ?? '').toBe(refused);
  },
);
