import { expect, it } from 'vitest';
import { replyData } from '../../../durable-objects/rpc/reply-data.ts';

it('is the reply without its disposer', () => {
  const reply = { part: { count: 1 }, [Symbol.dispose]: () => {} };
  const data = replyData<{ part: { count: number } }>(reply);
  expect(data).toEqual({ part: { count: 1 } });
  expect(Symbol.dispose in data).toBe(false);
  expect(Symbol.dispose in reply).toBe(true);
});
