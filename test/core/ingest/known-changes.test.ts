/** Names of changes, and which are known. */

import { describe, expect, it } from 'vitest';
import { changeOfJson, type Change } from '../../../core/ingest/debezium.ts';
import { KNOWN_MAX, KnownChanges, nameOfChange } from '../../../core/ingest/known-changes.ts';

const name = (fields: object = {}, source: object = {}): string | null =>
  nameOfChange(
    changeOfJson(
      JSON.stringify({
        after: { id: 1 },
        op: 'c',
        source: { name: 's', table: 't', lsn: 7, txId: 5, ...source },
        ...fields,
      }),
    ) as Change,
  );

describe('the name of a change', () => {
  it('is the same whenever it is sent', () => {
    expect(name({ ts_ms: 1 })).toBe(name({ ts_ms: 2 }));
    expect(name()).toMatch(/^7 5 c -?[0-9a-f]+-?[0-9a-f]+$/);
  });

  it.each([
    [{ after: { id: 2 } }, {}],
    [{ before: { id: 1 } }, {}],
    [{ op: 'd' }, {}],
    [{}, { lsn: 8 }],
    [{}, { txId: 6 }],
    [{}, { table: 'u' }],
  ])('is another for another change: %j %j', (fields, source) => {
    expect(name(fields, source)).not.toBe(name());
  });

  it('is there only for a change of a table with a position', () => {
    expect(name({}, { lsn: null })).toBeNull();
    expect(name({}, { table: null })).toBeNull();
  });
});

it('the latest changes are known', () => {
  const known = new KnownChanges(3, ['a', 'b']);
  expect([known.end, known.has('a'), known.has('c')]).toEqual([3, true, false]);
  const later = known.with(2, ['c', 'd']);
  expect([later.end, later.has('a'), later.has('d')]).toEqual([5, true, true]);
  const many = later.with(
    KNOWN_MAX,
    Array.from({ length: KNOWN_MAX }, (_, at) => `n${at}`),
  );
  expect([many.has('d'), many.has('n0'), many.has(`n${KNOWN_MAX - 1}`)]).toEqual([false, true, true]);
});
