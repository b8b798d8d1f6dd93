import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { errorTable, failure, type ErrorCode } from '../../../protocol/errors.ts';
import { problem } from '../../../workers/http/problem.ts';

const answer = async (code: ErrorCode, details?: Record<string, unknown>): Promise<Response> => {
  const app = new Hono();
  app.get('/', (c) => problem(c, failure(code, 'as the test asked for', details)));
  return await app.request('/');
};

it('says when to come again with every 429, 503 and 507', async () => {
  for (const [code, { status }] of Object.entries(errorTable)) {
    const response = await answer(code as ErrorCode);
    const isAPause = [429, 503, 507].includes(status);
    expect([code, response.headers.has('retry-after')]).toEqual([code, isAPause]);
  }
  expect((await answer('queue_full', { retry_after_s: 7 })).headers.get('retry-after')).toBe('7');
});
