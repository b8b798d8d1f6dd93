/** Letter scan: which letters a step finds, where it stops, and what it does not see. */

import { describe, expect, it } from 'vitest';
import { isDeadLetter } from '../../../../core/queue/dead-letters/dead-letter-filter.ts';
import { formatDeadLetterId } from '../../../../core/queue/dead-letters/dead-letter-id.ts';
import {
  letterOf,
  lettersOf,
  nextOf,
  scanLetters,
  type LaneEnds,
  type LetterScan,
} from '../../../../core/queue/dead-letters/letter-scan.ts';
import { publishLane } from '../../../../core/queue/state/lane.ts';
import { DEAD_LETTER_SCAN_MAX } from '../../../../protocol/limits.ts';
import { drawLetters, QUEUE_ID } from '../../../support/tables/letters.ts';
import { placeText } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const MiB = 1024 * 1024;

const placesOf = ({ letters }: LetterScan): string =>
  letters.map(({ position: { lane, offset } }) => placeText(lane, offset)).join(' ');
const idOf = (offset: number, lane = 0): string => formatDeadLetterId(QUEUE_ID, { lane, offset });

const SCANS = rowsOf<'meets' | 'max' | 'finds' | 'looked' | 'end' | 'because'>(`
  meets           | max | finds    | looked | end | because
                  | 9   |          | 0      | yes | there are none
  . . .           | 9   | 0 1 2    | 3      | yes | the backlog
  A r - .         | 9   | 1 3      | 2      | yes | what a consumer has is its own
  . . .           | 2   | 0 1      | 2      | no  | a step ends when it has enough
  . .             | 2   | 0 1      | 2      | yes | unless it was the last one anyway
  A r / r / . .   | 9   | 1 2 3 4  | 4      | yes | segment by segment
  1> . ; 0> . .   | 9   | 1>0 0 1  | 3      | yes | the highest lane first
`);

describe('a scan', () => {
  it.each(SCANS)('of "$meets" finds $finds: $because', ({ meets, max, finds, looked, end }) => {
    const scan = scanLetters(drawLetters(meets), () => true, null, Number(max), null);
    expect(placesOf(scan)).toBe(finds);
    expect([scan.lookedAt, scan.isEnd]).toEqual([Number(looked), end === 'yes']);
  });

  it('finds only what matches, and counts what it looked at', () => {
    const letters = drawLetters('. . . .', { 1: 'plain', 2: 'plain' });
    const scan = scanLetters(letters, isDeadLetter, null, 9, null);
    expect([placesOf(scan), scan.lookedAt, scan.after]).toEqual(['0 3', 4, { lane: 0, offset: 3 }]);
  });

  it('goes on where the step before has ended, in every lane', () => {
    const letters = drawLetters('1> . . ; 0> . .');
    const places: string[] = [];
    let scan = scanLetters(letters, () => true, null, 1, null);
    for (; ; scan = scanLetters(letters, () => true, nextOf(scan), 1, null)) {
      places.push(placesOf(scan));
      if (nextOf(scan) === null) break;
    }
    expect(places).toEqual(['1>0', '1>1', '0', '1']);
  });

  it.each<[LaneEnds, string]>([
    [[[0, 2]], '0 1'],
    [[[0, 0]], ''],
    [[], ''],
    [[[0, 9]], '0 1 2'],
  ])('ends at %j, and finds %s', (ends, finds) => {
    expect(placesOf(scanLetters(drawLetters('. . .'), () => true, null, 9, ends))).toBe(finds);
  });

  it('does not see a lane that came after its ends were set', () => {
    const ends: LaneEnds = [[publishLane(0), 5]];
    expect(placesOf(scanLetters(drawLetters('1> . ; 0> .'), () => true, null, 9, ends))).toBe('0');
  });

  it('stops after so many bytes of what it found, and after more of what it did not', () => {
    const large = drawLetters('. . . . . . . .', {}, 1.5 * MiB);
    expect(scanLetters(large, () => true, null, 99, null).letters).toHaveLength(3);
    const { letters, lookedAt, isEnd } = scanLetters(
      drawLetters(Array.from({ length: 60 }, () => '.').join(' '), {}, 1.5 * MiB),
      () => false,
      null,
      99,
      null,
    );
    expect([letters, lookedAt, isEnd]).toEqual([[], 43, false]);
  });

  it('stops after so many messages', () => {
    const letters = drawLetters(Array.from({ length: DEAD_LETTER_SCAN_MAX + 1 }, () => '.').join(' '));
    const scan = scanLetters(letters, () => false, null, 1, null);
    expect([scan.lookedAt, scan.isEnd]).toEqual([DEAD_LETTER_SCAN_MAX, false]);
  });
});

describe('a letter by its id', () => {
  it.each([
    ['A r - .', 3, true, 'it is ready'],
    ['A r - .', 1, true, 'it was given back'],
    ['A r - .', 0, false, 'a consumer has it'],
    ['A r - .', 2, false, 'it has left'],
    ['A r - .', 4, false, 'there never was one'],
  ])('in "%s" at %i: %s, %s', (meets, offset, isFound) => {
    expect(letterOf(drawLetters(meets), idOf(offset)) !== null).toBe(isFound);
  });

  it('is none of a message that is no dead letter, of another queue, or of a text', () => {
    const letters = drawLetters('. .', { 1: 'plain' });
    expect(letterOf(letters, idOf(1))).toBeNull();
    expect(letterOf(letters, formatDeadLetterId(QUEUE_ID + 1, { lane: 0, offset: 0 }))).toBeNull();
    expect(letterOf(letters, 'zzz')).toBeNull();
  });
});

describe('letters by a list of ids', () => {
  it('come in its order, without those that are gone, which count as looked at', () => {
    const scan = lettersOf(
      drawLetters('r - . .'),
      [3, 1, 0, 2].map((offset) => idOf(offset)),
      null,
      9,
    );
    expect([placesOf(scan), scan.lookedAt, nextOf(scan)]).toEqual(['3 0 2', 4, null]);
  });

  it('come in steps of so many ids', () => {
    const ids = [0, 1, 2].map((offset) => idOf(offset));
    const letters = drawLetters('. . .');
    const first = lettersOf(letters, ids, null, 2);
    expect([placesOf(first), nextOf(first)]).toEqual(['0 1', { lane: 0, offset: 1 }]);
    const second = lettersOf(letters, ids, nextOf(first), 2);
    expect([placesOf(second), nextOf(second)]).toEqual(['2', null]);
  });

  it('come in steps of so many bytes', () => {
    const ids = [0, 1, 2, 3, 4].map((offset) => idOf(offset));
    expect(lettersOf(drawLetters('. . . . .', {}, 1.5 * MiB), ids, null, 9).letters).toHaveLength(3);
  });

  it('of an empty list are none', () => {
    expect(lettersOf(drawLetters('.'), [], null, 9)).toMatchObject({ letters: [], isEnd: true });
  });
});
