/** Message table: Kafka's messages, as its own definitions describe them (scripts/kafka/messages.ts). */

import given from './messages.json' with { type: 'json' };

/** `[first, last]`, both included. */
export type Versions = readonly [number, number];

export interface Field {
  name: string;
  /** Of the elements, if it is an array. */
  type: string;
  isArray: boolean;
  versions: Versions;
  nullable: Versions;
  /** Where it is written with a varint as its length; null: where the message is. */
  flexible: Versions | null;
  default: string | undefined;
  /** The tag, and the versions where the field is tagged and not in its place. */
  tag: number;
  tagged: Versions;
  /** Of a struct. */
  fields: Field[];
}

export interface Message {
  name: string;
  /** Of a request or a response; -1 otherwise. */
  key: number;
  versions: Versions;
  flexible: Versions;
  fields: Field[];
}

interface GivenField {
  name: string;
  type: string;
  versions: string;
  nullable?: string;
  flexible?: string;
  default?: string;
  tag?: number;
  tagged?: string;
  fields?: GivenField[];
}

interface GivenMessage {
  name: string;
  key?: number;
  versions: string;
  flexible: string;
  fields: GivenField[];
}

export const NO_VERSIONS: Versions = [1, 0];

export const MESSAGES: ReadonlyMap<string, Message> = new Map(
  (given as GivenMessage[]).map((message) => [message.name, messageOf(message)]),
);

/** The requests and responses of an API, by its key. */
export const APIS: ReadonlyMap<number, { name: string; request: Message; response: Message }> = new Map(
  [...MESSAGES.values()]
    .filter(({ key, name }) => key >= 0 && name.endsWith('Request'))
    .map((request) => {
      const name = request.name.slice(0, -'Request'.length);
      return [request.key, { name, request, response: MESSAGES.get(`${name}Response`)! }];
    }),
);

export function isWithin([first, last]: Versions, version: number): boolean {
  return version >= first && version <= last;
}

/** `3`, `3-5`, `3+` and `none`. */
function versionsOf(text: string | undefined): Versions {
  if (text === undefined || text === 'none') return NO_VERSIONS;
  if (text.endsWith('+')) return [Number(text.slice(0, -1)), Infinity];
  const [first, last = first] = text.split('-');
  return [Number(first), Number(last)];
}

function messageOf({ name, key = -1, versions, flexible, fields }: GivenMessage): Message {
  return {
    name,
    key,
    versions: versionsOf(versions),
    flexible: versionsOf(flexible),
    fields: fields.map(fieldOf),
  };
}

function fieldOf(field: GivenField): Field {
  const isArray = field.type.startsWith('[]');
  return {
    name: field.name,
    type: isArray ? field.type.slice(2) : field.type,
    isArray,
    versions: versionsOf(field.versions),
    nullable: versionsOf(field.nullable),
    flexible: field.flexible === undefined ? null : versionsOf(field.flexible),
    default: field.default,
    tag: field.tag ?? -1,
    tagged: versionsOf(field.tagged),
    fields: (field.fields ?? []).map(fieldOf),
  };
}
