/**
 * Schema of an object whose member names are the client's own. The check is written by hand: it can count before it looks at
 * a value, names one violation however many there are, and keeps a member named `__proto__`, which a record schema of zod
 * drops.
 */

import * as z from '../zod.ts';

export interface NamedProblem {
  /** Where it is in the object. */
  path: (string | number)[];
  message: string;
}

/**
 * @param document the schema as the OpenAPI document shows it
 * @param problemOf what is wrong with the members, or null
 */
export function namedValuesSchema<Values extends Record<string, unknown>>(
  document: z.ZodType<Values>,
  problemOf: (members: readonly [name: string, value: unknown][]) => NamedProblem | null,
): z.ZodType<Values> {
  return z.whenUsed(() => {
    const { $schema: _, ...shape } = z.toJSONSchema(document, { reused: 'inline' });
    return z
      .unknown()
      .superRefine((value, context) => {
        const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
        const problem = isMap
          ? problemOf(Object.entries(value))
          : { path: [], message: 'expected an object of names and values' };
        if (problem) context.addIssue({ code: 'custom', ...problem });
      })
      .meta(shape) as unknown as z.ZodType<Values>;
  });
}
