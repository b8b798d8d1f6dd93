/** Ready messages: in which order they are met, and how one is taken out wherever it lies. */

import { describe, expect, it } from 'vitest';
import { readyAt, readyIn, takeOut } from '../../../../core/queue/state/ready-messages.ts';
import { expectRow, type QueueRow } from '../../../support/tables/queue-commands.ts';
import { drawQueue, placeText } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const WALKS = rowsOf<'meets' | 'ready' | 'because'>(`
  meets              | ready           | because
                     |                 | there are none
  . .                | 0 1             | the backlog
  A r - r .          | 1 3 4           | what was given back comes before it
  r / . . / .        | 0 1 2 3         | segment by segment
  1> . ; 0r> . ; 0> r | 1>0 0r>0 0     | the highest lane first
`);

const TAKES = rowsOf<keyof QueueRow>(`
  meets      | does     | outcome | leaves       | effects | because
  .          | take 0   | taken   | -            |         | the only one
  . . .      | take 0   | taken   | - . .        |         | the first
  . . .      | take 1   | taken   | r0 - .       |         | what lies before it is looked at, and stays first
  . / . / .  | take 1   | taken   | r0 / - / .   |         | in another segment, too
  A r .      | take 1   | taken   | A - .        |         | one that was given back
  1> . ; 0> . | take 1>0 | taken  | 1> - ; 0> .  |         | in any lane
`);

describe('ready messages', () => {
  it.each(WALKS)('of "$meets" are "$ready": $because', ({ meets, ready }) => {
    const { machine, source } = drawQueue(meets);
    const lanes = machine.lanes.filter((lane) => lane !== undefined).toReversed();
    const texts = lanes.flatMap((lane) =>
      [...readyIn(lane, source)].map(({ extent, offset }) => placeText(extent.lane, offset)),
    );
    expect(texts.join(' ')).toBe(ready);
  });

  it('of a lane from an offset on', () => {
    const { machine, source } = drawQueue('r r / r . / .');
    const after = (offset: number) => [...readyIn(machine.lanes[0]!, source, offset)];
    expect(after(2).map(({ offset }) => offset)).toEqual([2, 3, 4]);
    expect(after(5)).toEqual([]);
  });

  it.each([
    ['A r - .', 0, false, 'a consumer has it'],
    ['A r - .', 1, true, 'it was given back'],
    ['A r - .', 2, false, 'it is done with'],
    ['A r - .', 3, true, 'it was never looked at'],
    ['A r - .', 4, false, 'there is no such message'],
    ['- / .', 0, false, 'its segment is gone'],
  ])('are found in %s at %i: %s, %s', (meets, offset, isReady) => {
    const { machine, source } = drawQueue(meets);
    expect(readyAt(machine, source, { lane: 0, offset }) !== null).toBe(isReady);
  });

  it('are not found in a lane that there is not', () => {
    const { machine, source } = drawQueue('.');
    expect(readyAt(machine, source, { lane: 4, offset: 0 })).toBeNull();
  });

  it.each(TAKES)('of $meets, one taken out ($does), leave $leaves: $because', (row) => expectRow(row));

  it('are the only ones that can be taken out', () => {
    const { machine, source } = drawQueue('A .');
    expect(() => takeOut(machine, source, { lane: 0, offset: 0 })).toThrow('no ready message');
  });
});
