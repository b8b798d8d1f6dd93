/** Message scans: the order of a list, what it leaves out, and where a page ends. */

import { describe, expect, it } from 'vitest';
import {
  scanMessages,
  stateOfHeld,
  stateOfParked,
  type MessageQuery,
  type ParkedFound,
  type ScanEnds,
} from '../../../../core/queue/messages/message-scan.ts';
import {
  compareParked,
  isParkedPosition,
  type MessagePosition,
} from '../../../../core/queue/messages/message-id.ts';
import { DEAD_LETTER_SCAN_MAX, PAGE_BYTES_MAX } from '../../../../protocol/limits.ts';
import {
  DAMAGED_HEADER,
  PROPERTY_HEADERS,
  ROUTING_KEY_HEADER,
  textHeader,
} from '../../../../protocol/schemas/messages.ts';
import { drawLetters, letter } from '../../../support/tables/letters.ts';
import { placeText } from '../../../support/tables/queue-picture.ts';

const ALL: MessageQuery = { states: null, max: 100, bytesMax: PAGE_BYTES_MAX };

const waits = (dueMs: number, isRetry: boolean, headers: Record<string, string> = {}): ParkedFound => ({
  position: { isKeyed: false, dueMs, seq: 0, index: 0 },
  isRetry,
  record: {
    ...letter('plain'),
    headers: Object.entries(headers).map(([name, text]) => textHeader(name, text)),
  },
});

const textOf = (position: MessagePosition): string =>
  isParkedPosition(position) ? `@${position.dueMs}` : placeText(position.lane, position.offset);

function list(
  picture: string,
  parked: readonly ParkedFound[],
  query: Partial<MessageQuery> = {},
  after: MessagePosition | null = null,
) {
  const page = scanMessages(
    drawLetters(picture),
    (from) => parked.filter(({ position }) => from === null || compareParked(position, from) > 0),
    { ...ALL, ...query },
    after,
  );
  return {
    found: page.found.map(({ position, state }) => `${textOf(position)} ${state}`).join(', '),
    next: page.next,
  };
}

const WAITING = [waits(5, true), waits(7, false)];

describe('a list', () => {
  it('has ready and leased messages by lane and offset, then those that wait, by their time', () => {
    expect(list('1> . ; 0> A r - .', WAITING).found).toBe(
      '1>0 ready, 0 leased, 1 ready, 3 ready, @5 waiting, @7 delayed',
    );
  });

  it.each([
    ['ready', '0 ready'],
    ['leased', '1 leased'],
    ['waiting', '@5 waiting'],
    ['delayed', '@7 delayed'],
  ] as const)('of %s messages has no others', (state, found) => {
    expect(list('r A', WAITING, { states: [state] })).toEqual({ found, next: null });
  });

  it('goes on after the last message of a page, whatever state that had', () => {
    const seen: string[] = [];
    let after: MessagePosition | null = null;
    do {
      const page: ReturnType<typeof list> = list('A . ; 2> .', WAITING, { max: 1 }, after);
      seen.push(page.found);
      after = page.next;
    } while (after !== null);
    expect(seen).toEqual(['2>0 ready', '0 leased', '1 ready', '@5 waiting', '@7 delayed']);
  });

  it('finds messages by their id and by their key', () => {
    const marked = [waits(1, false, { [PROPERTY_HEADERS.message_id]: 'a' }), waits(2, false)];
    marked[1]!.record.key = new TextEncoder().encode('k');
    expect(list('.', marked, { messageId: 'a' }).found).toBe('@1 delayed');
    expect(list('.', marked, { orderingKey: 'k' }).found).toBe('@2 delayed');
    expect(list('.', marked, { orderingKey: 'k', messageId: 'a' }).found).toBe('');
  });

  it('finds messages by their routing key', () => {
    const routed = [waits(1, false, { [ROUTING_KEY_HEADER]: 'a.b' }), waits(2, false)];
    expect(list('.', routed, { routingKey: 'a.b' }).found).toBe('@1 delayed');
  });

  it('with ends has nothing that came later', () => {
    const late = { ...waits(3, true), position: { isKeyed: false, dueMs: 3, seq: 9, index: 0 } };
    const ends: ScanEnds = { lanes: [[0, 2]], seq: 9 };
    const scan = scanMessages(drawLetters('r r . ; 1> .'), () => [...WAITING, late], ALL, null, ends);
    expect(scan.found.map(({ position }) => textOf(position))).toEqual(['0', '1', '@5', '@7']);
    expect(scan.lookedAt).toBe(4);
  });

  it('has no damaged messages', () => {
    expect(list('', [waits(1, false, { [DAMAGED_HEADER]: 'bad' })]).found).toBe('');
  });

  it('ends a page by bytes, and after as many messages as one call looks at', () => {
    expect(list('. . .', [], { bytesMax: 1 }).next).toEqual({ lane: 0, offset: 0 });
    const many = Array.from({ length: DEAD_LETTER_SCAN_MAX + 1 }, (_, dueMs) => waits(dueMs, true));
    const page = list('', many, { states: ['delayed'] });
    expect(page).toEqual({ found: '', next: many.at(-2)!.position });
  });
});

it('a message in a segment is ready or leased, one that waits is delayed or waiting', () => {
  expect(stateOfHeld({ lease: null } as never)).toBe('ready');
  expect(stateOfHeld({ lease: {} } as never)).toBe('leased');
  expect([true, false].map((isRetry) => stateOfParked({ isRetry }))).toEqual(['waiting', 'delayed']);
});
