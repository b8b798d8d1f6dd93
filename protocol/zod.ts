/**
 * Zod, whose schemas are built when they are first used. An isolate that wakes evaluates the schemas of all operations, and
 * most isolates serve a handful of them: building them all would be nine tenths of the time that loading the worker takes.
 *
 * A builder such as `z.string()` returns a stand-in that remembers how to build the schema. The methods of `CHAINED` return
 * another stand-in. Everything else, such as `parse`, builds the schema and asks it.
 */

import * as zod from 'zod';

export * from 'zod';

/** Methods that return a changed copy of the schema. A method that is missing here works as well, but builds the schema. */
const CHAINED = new Set([
  'array',
  'catchall',
  'default',
  'describe',
  'extend',
  'int',
  'length',
  'max',
  'meta',
  'min',
  'nullable',
  'omit',
  'optional',
  'partial',
  'pick',
  'positive',
  'refine',
  'regex',
  'superRefine',
]);

/** Chained methods that leave the fields of an object as they are. */
const KEEPS_SHAPE = new Set(['catchall', 'describe', 'meta', 'refine', 'superRefine']);

type Shape = Readonly<Record<string, zod.ZodType>>;

interface StandIn {
  build: () => zod.ZodType;
  /** Of an object, if it is known without building it. */
  shape: Shape | undefined;
}

const standIns = new WeakMap<object, StandIn>();

const handler: ProxyHandler<object> = {
  get(target, key) {
    const { build, shape } = standIns.get(target)!;
    if (key === 'shape' && shape) return shape;
    if (!CHAINED.has(key as string)) return Reflect.get(build(), key);
    const method = key as string;
    return (...args: unknown[]) => {
      const chained = (): zod.ZodType =>
        (build() as unknown as Record<string, (...args: unknown[]) => zod.ZodType>)[method]!(
          ...args.map(builtWithin),
        );
      return standIn(chained, KEEPS_SHAPE.has(method) ? shape : undefined);
    };
  },
  has: (target, key) => Reflect.has(standIns.get(target)!.build(), key),
  getPrototypeOf: (target) => Reflect.getPrototypeOf(standIns.get(target)!.build()),
};

function standIn(make: () => zod.ZodType, shape?: Shape): zod.ZodType {
  let schema: zod.ZodType | undefined;
  const target = {};
  const proxy = new Proxy(target, handler) as zod.ZodType;
  const entry = { build: () => (schema ??= make()), shape };
  standIns.set(target, entry);
  standIns.set(proxy, entry);
  return proxy;
}

/** Replaces stand-ins by what they stand for: an argument itself, in a list of options, or among the fields of an object. */
function builtWithin(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entry = standIns.get(value);
  if (entry) return entry.build();
  if (Array.isArray(value)) return value.some(isStandIn) ? value.map(builtWithin) : value;
  const fields = Object.entries(value);
  return fields.some(([, field]) => isStandIn(field))
    ? Object.fromEntries(fields.map(([name, field]) => [name, builtWithin(field)]))
    : value;
}

const isStandIn = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && standIns.has(value);

type Builder = (...args: never[]) => zod.ZodType;

const later = <Build extends Builder>(builder: Build): Build =>
  ((...args: unknown[]) => standIn(() => builder(...(args.map(builtWithin) as never[])))) as unknown as Build;

const objectLater = <Build extends Builder>(builder: Build): Build =>
  ((...args: unknown[]) =>
    standIn(
      () => builder(...(args.map(builtWithin) as never[])),
      args[0] as Shape | undefined,
    )) as unknown as Build;

export const array = later(zod.array);
export const boolean = later(zod.boolean);
const enumOf = later(zod.enum as unknown as Builder) as unknown as typeof zod.enum;
export { enumOf as enum };
export const int = later(zod.int);
export const literal = later(zod.literal as unknown as Builder) as unknown as typeof zod.literal;
const nullValue = later(zod.null);
export { nullValue as null };
export const number = later(zod.number);
export const record = later(zod.record as unknown as Builder) as unknown as typeof zod.record;
export const string = later(zod.string as unknown as Builder) as unknown as typeof zod.string;
export const union = later(zod.union);
export const unknown = later(zod.unknown);
export const url = later(zod.url);

export const looseObject = objectLater(zod.looseObject);
export const object = objectLater(zod.object);
export const strictObject = objectLater(zod.strictObject);

/** Returns a stand-in for a schema whose arguments cost something to calculate too. */
export function whenUsed<Schema extends zod.ZodType>(make: () => Schema): Schema {
  return standIn(() => builtWithin(make()) as zod.ZodType) as Schema;
}

/** Descriptions are found by the schema itself, not by what stands for it. */
export const toJSONSchema = ((schema: zod.ZodType, params?: zod.core.ToJSONSchemaParams) =>
  zod.toJSONSchema(builtWithin(schema) as zod.ZodType, params)) as typeof zod.toJSONSchema;
