import { expect, it } from 'vitest';
import { calls } from '../../../protocol/operations/calls.ts';
import { operations, type Operation } from '../../../protocol/operations/index.ts';

it('calls are values that a build can write down, one for each operation', () => {
  expect(JSON.parse(JSON.stringify(calls))).toEqual(calls);
  expect(Object.keys(calls)).toEqual(Object.keys(operations));
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
