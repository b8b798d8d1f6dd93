/** Given fields: the fields of a definition that a declaration or a change sets. */

/** The fields without those that are undefined. */
export type Given<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

export interface Difference {
  field: string;
  is: unknown;
  wanted: unknown;
}

/** Returns the fields that have a value. */
export function givenFields<Fields extends object>(fields: Fields): Given<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Given<Fields>;
}

/**
 * Lists the given fields whose value differs from that of the definition. Objects in a definition come from one schema,
 * which orders their members, so equal objects have equal texts.
 */
export function differences(definition: object, wanted: object): Difference[] {
  const fields = definition as Record<string, unknown>;
  return Object.entries(givenFields(wanted))
    .filter(([field, value]) => text(fields[field]) !== text(value))
    .map(([field, value]) => ({ field, is: fields[field], wanted: value }));
}

/** Describes the differences: "max_length is 5, not 6, its lease_ms is ...". */
export function textOf(differing: readonly Difference[]): string {
  return differing
    .map(({ field, is, wanted }) => `${field} is ${text(is)}, not ${text(wanted)}`)
    .join(', its ');
}

const text = (value: unknown): string => JSON.stringify(value);
