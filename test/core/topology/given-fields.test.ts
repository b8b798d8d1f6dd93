/** Which fields a declaration gives, and how they differ from a definition. */

import { describe, expect, it } from 'vitest';
import { differences, givenFields, textOf } from '../../../core/topology/given-fields.ts';

describe('given fields', () => {
  it('are those with a value, null included', () => {
    expect(givenFields({ a: 1, b: null, c: undefined })).toStrictEqual({ a: 1, b: null });
  });

  it.each([
    [{ a: 1 }, { a: 1 }, []],
    [{ a: 1 }, {}, []],
    [{ a: 1 }, { a: undefined }, []],
    [{ a: 1 }, { a: 2 }, [{ field: 'a', is: 1, wanted: 2 }]],
    [{ a: null }, { a: 0 }, [{ field: 'a', is: null, wanted: 0 }]],
    [{ a: { b: 1 } }, { a: { b: 1 } }, []],
    [{ a: { b: 1 } }, { a: { b: 2 } }, [{ field: 'a', is: { b: 1 }, wanted: { b: 2 } }]],
  ])('of %j as %j differ by %j', (definition, wanted, differing) => {
    expect(differences(definition, wanted)).toEqual(differing);
  });

  it('are named in words', () => {
    const differing = differences({ a: 1, b: 'x' }, { a: 2, b: 'y' });
    expect(textOf(differing)).toBe('a is 1, not 2, its b is "x", not "y"');
  });
});
