import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import * as zod from 'zod';
import { describe, expect, it } from 'vitest';
import * as z from '../../protocol/zod.ts';

const ROOT = join(import.meta.dirname, '../..');

const COUNT_SCHEMAS = `
  globalThis.__zod_globalConfig = { postProcessor: () => { built += 1; } };
  let built = 0;
  const { operations } = await import('./protocol/operations/index.ts');
  console.log(built, Object.keys(operations).length);
`;

describe('a schema', () => {
  it('of an operation is built when it is first used', () => {
    const said = execFileSync(process.execPath, ['--input-type=module', '--eval', COUNT_SCHEMAS], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const [built, known] = said.trim().split(' ').map(Number);
    expect(known).toBeGreaterThan(100);
    expect(built).toBeLessThan(known! / 2);
  });

  it('takes and refuses what one of zod does', () => {
    const made = (from: Omit<typeof zod, 'default'>): zod.ZodType => {
      const name = from.string().min(2).max(4).regex(/^a/).describe('A name');
      const inner = from.object({ name, count: from.int().positive().default(3) });
      return from.strictObject({
        ...inner.shape,
        kind: from.enum(['x', 'y']).optional(),
        both: from.union([from.literal('none'), from.array(inner.partial())]).nullable(),
        more: from.record(from.string(), from.number()).refine((map) => Object.keys(map).length < 2),
        picked: inner.pick({ name: true }).extend({ flag: from.boolean() }),
      });
    };
    const ours = made(z);
    const theirs = made(zod);
    const whole = { name: 'abc', both: 'none', more: { a: 1 }, picked: { name: 'ab', flag: true } };
    for (const value of [
      whole,
      { ...whole, name: 'b' },
      { ...whole, both: [{ count: 0 }] },
      { ...whole, both: null, kind: 'z' },
      { ...whole, more: { a: 1, b: 2 } },
      { ...whole, other: 1 },
      null,
    ]) {
      const mine = ours.safeParse(value);
      const expected = theirs.safeParse(value);
      expect(mine.success).toBe(expected.success);
      expect(mine.data).toEqual(expected.data);
      expect(mine.error?.issues).toEqual(expected.error?.issues);
    }
    expect(z.toJSONSchema(ours)).toEqual(zod.toJSONSchema(theirs));
  });

  it('tells its class and fields without being one', () => {
    const field = z.int().default(1);
    expect(field).toBeInstanceOf(z.ZodDefault);
    expect(field.unwrap()).toBeInstanceOf(z.ZodNumber);
    const shape = z.object({ field }).describe('An object').shape;
    expect(Object.keys(shape)).toEqual(['field']);
    expect(z.object({ field }).omit({ field: true }).shape).toEqual({});
    expect('parse' in field).toBe(true);
  });

  it('whose arguments cost something calculates them once', () => {
    let calls = 0;
    const costly = z.whenUsed(() => z.string().max((calls += 1)));
    expect(calls).toBe(0);
    expect(costly.safeParse('a').success).toBe(true);
    expect(costly.optional().safeParse('ab').success).toBe(false);
    expect(calls).toBe(1);
  });
});
