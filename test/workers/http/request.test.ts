import { expect, it } from 'vitest';
import * as z from 'zod';
import { REQUEST_BYTES_MAX } from '../../../protocol/limits.ts';
import { check } from '../../../protocol/fields/check.ts';
import { readBytes } from '../../../workers/http/request.ts';

/** A body in pieces, at whose end the client leaves. */
function request(pieces: number[], isCut: boolean, headers: Record<string, string> = {}): Request {
  const body = new ReadableStream({
    type: 'bytes',
    pull(controller: ReadableByteStreamController) {
      const length = pieces.shift();
      if (length !== undefined) controller.enqueue(new Uint8Array(length));
      else if (isCut) controller.error(new Error('Network connection lost.'));
      else {
        controller.close();
        controller.byobRequest?.respond(0); // whoever reads into a buffer gets it back
      }
    },
  });
  const init = { method: 'POST', body, headers, duplex: 'half' };
  return new Request('http://localhost/', init as RequestInit);
}

it.each<Record<string, string>>([{}, { 'content-length': '100' }])(
  'refuses a body that is cut off, with headers %j',
  async (headers) => {
    expect(await readBytes(request([10, 5], true, headers))).toMatchObject({ code: 'incomplete_request' });
  },
);

it('puts the pieces of a body together', async () => {
  expect(await readBytes(request([10, 5], false))).toEqual(new Uint8Array(15));
});

it('refuses a body that is too large before it has all of it', async () => {
  expect(await readBytes(request([REQUEST_BYTES_MAX, 1, 1], true))).toMatchObject({
    code: 'request_too_large',
  });
});

const fields = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`field${index}`, 1]));

it.each([11, 1_000, 1_001, 100_000])('refuses %d unknown fields without naming them all', (count) => {
  const refused = check(z.strictObject({}), fields(count), 'body');
  expect(refused).toMatchObject({ code: 'unknown_field' });
  expect(JSON.stringify(refused).length).toBeLessThan(500);
});
