/**
 * Wire names: converts between snake_case on the wire and camelCase in the SDK, also in nested objects, but not the names of
 * headers, which an application chooses. Do not use these functions for other such names (the arguments of a binding).
 */

export function toWire(fields: object): Record<string, unknown> {
  return renamed(fields, (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

export function fromWire<Fields>(fields: object): Fields {
  return renamed(fields, (name) =>
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  ) as Fields;
}

function renamed(fields: object, rename: (name: string) => string): Record<string, unknown> {
  const value = (inner: unknown): unknown =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? renamed(inner, rename) : inner;
  return Object.fromEntries(
    Object.entries(fields).map(([name, inner]) => [rename(name), name === 'headers' ? inner : value(inner)]),
  );
}
