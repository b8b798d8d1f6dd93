import { expect, it } from 'vitest';
import { callsOf, rowsOf } from '../../../protocol/operations/call-rows.ts';
import { calls } from '../../../protocol/operations/calls.ts';
import { operations, type Operation } from '../../../protocol/operations/index.ts';

it('calls are values that a build can write down, one for each operation', () => {
  expect(JSON.parse(JSON.stringify(calls))).toEqual(calls);
  expect(Object.keys(calls)).toEqual(Object.keys(operations));
});

it('calls come back from the rows that a build writes down, without what is for people', () => {
  const rows = JSON.parse(JSON.stringify(rowsOf(calls))) as ReturnType<typeof rowsOf>;
  const told = JSON.stringify(calls, (key, value: unknown) => (key === 'reaches' ? undefined : value));
  expect(callsOf(rows)).toEqual(JSON.parse(told));
});

it('a call has what the router needs of its operation', () => {
  for (const [id, operation] of Object.entries<Operation>(operations)) {
    const { method, path, access, audit, rate } = operation;
    expect(calls[id as keyof typeof calls]).toMatchObject({
      id,
      method,
      path,
      access,
      isSocket: 101 in operation.replies,
      ...(audit !== undefined && { audit }),
      ...(rate !== undefined && { rate }),
    });
  }
});
