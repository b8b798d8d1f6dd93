/** Rules that JSON Schema cannot say, or that no schema of the library says by itself, as members of a JSON Schema. */

/** Members of a JSON Schema. */
export type SchemaRule = Record<string, unknown>;

/**
 * A limit in bytes of UTF-8. JSON Schema counts characters: `maxLength` is what no text within the limit exceeds, and
 * `x-utf8-bytes-max` the rule itself.
 */
export const utf8BytesMax = (bytes: number): SchemaRule => ({
  maxLength: bytes,
  'x-utf8-bytes-max': bytes,
});

/** Of members that exclude each other. */
export const notTogether = (...names: string[]): SchemaRule => ({ not: { required: names } });

/** Exactly one of the members. */
export const oneOf = (...names: string[]): SchemaRule => ({
  oneOf: names.map((name) => ({ required: [name] })),
});

/** At least one of the members. */
export const someOf = (...names: string[]): SchemaRule => ({
  anyOf: names.map((name) => ({ required: [name] })),
});

/** Not these values of these members together: each is a schema. */
export const notBoth = (members: Readonly<Record<string, SchemaRule>>): SchemaRule => ({
  not: { required: Object.keys(members), properties: members },
});

/** If a member has this value, another has to be there. */
export const needs = (member: string, value: unknown, other: string): SchemaRule => ({
  if: { required: [member], properties: { [member]: { const: value } } },
  then: { required: [other] },
});
