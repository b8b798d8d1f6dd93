/** Query parameters: text until their schema says otherwise. */

import type { Context } from 'hono';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { isFailure } from '../../../protocol/errors.ts';
import { operations, type Operation } from '../../../protocol/operations/index.ts';
import { readQuery } from '../../../workers/http/query.ts';

const context = (query: string) => ({ req: { url: `http://localhost/v1/default?${query}` } }) as Context;

const schema = z.strictObject({
  name: z.string().optional(),
  count: z.int().min(1).max(1_000).default(10),
  offset: z.union([z.int().min(0), z.enum(['earliest']), z.string().regex(/^@\d+$/)]).optional(),
  flag: z.enum(['true', 'false']).optional(),
});
const read = (query: string) => {
  const result = readQuery(context(query), schema);
  return isFailure(result) ? result.code : result.fields;
};

describe('query parameters', () => {
  it.each([
    ['name=007', { name: '007' }],
    ['name=7', { name: '7' }],
    ['name=-1', { name: '-1' }],
    ['name=1e3', { name: '1e3' }],
    ['name=0x10', { name: '0x10' }],
    ['name=true', { name: 'true' }],
    ['name=null', { name: 'null' }],
    ['name=12345678901234567890', { name: '12345678901234567890' }],
    ['name=', { name: '' }],
    ['name', { name: '' }],
    ['name=a+b%2Bc', { name: 'a b+c' }],
    ['name=%C3%A9&&', { name: 'é' }],
    ['name=a=b', { name: 'a=b' }],
    ['n%61me=1', { name: '1' }],
    ['count=7', { count: 7 }],
    ['count=007', { count: 7 }],
    ['offset=5', { offset: 5 }],
    ['offset=@5', { offset: '@5' }],
    ['offset=earliest', { offset: 'earliest' }],
    ['flag=true', { flag: 'true' }],
  ])('%s is %j', (query, fields) => {
    expect(read(query)).toEqual({ count: 10, ...fields });
  });

  it.each([
    'count=',
    'count=1e3',
    'count=0x10',
    'count=1.0',
    'count=%207',
    'count=+7',
    'count=0',
    'count=true',
    'count=99999999999999999999',
    'offset=-1',
    'offset=',
    'flag=1',
    'flag=',
    'name=1&name=1',
    'name=1&n%61me=2',
    'name=%',
    'name=%ff',
    'name=%zz',
  ])('%s is refused', (query) => {
    expect(read(query)).toBe('invalid_field');
  });

  it('mean the same when they come again, and handlers cannot change that', () => {
    const [first, again] = [readQuery(context('count=7'), schema), readQuery(context('count=7'), schema)];
    expect(again).toEqual(first);
    expect(() => Object.assign((again as { fields: object }).fields, { count: 8 })).toThrow(TypeError);
    expect(read('count=7')).toEqual({ count: 7 });
    for (let count = 1; count <= 100; count++) expect(read(`count=${count}`)).toEqual({ count });
    expect(read('count=8')).toEqual({ count: 8 });
  });

  it('that no operation has are refused by name, also those that every object has', () => {
    for (const name of ['other', '__proto__', 'constructor', 'toString', '7'])
      expect(read(`${name}=1`)).toBe('unknown_field');
    expect(read(Array.from({ length: 200 }, (_, index) => `p${index}=1`).join('&'))).toBe('unknown_field');
  });

  const parameters = (Object.values(operations) as Operation[]).flatMap(({ id, query }) =>
    Object.entries((query as z.ZodObject | undefined)?.shape ?? {}).map(([name, type]) => ({
      id,
      name,
      type: type as z.ZodType,
      query: query as z.ZodObject,
    })),
  );

  it.each(parameters)('keep text as it is: $name of $id', ({ name, type, query }) => {
    for (const text of ['007', '7', '0', '00', '1234567890123456']) {
      if (!type.safeParse(text).success) continue;
      const result = readQuery(context(`${name}=${text}`), query);
      expect(isFailure(result) ? result : (result.fields as Record<string, unknown>)[name]).toBe(text);
    }
  });
});
