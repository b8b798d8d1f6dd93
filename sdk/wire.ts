/** Names on the wire are snake_case, here they are camelCase. One level deep: no reply nests further. */

export function toWire(fields: object): Record<string, unknown> {
  return renamed(fields, (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

export function fromWire<Fields>(fields: object): Fields {
  return renamed(fields, (name) =>
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  ) as Fields;
}

function renamed(fields: object, rename: (name: string) => string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [rename(name), value]));
}
