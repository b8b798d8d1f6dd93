/** Left out: entries of a definitions file of RabbitMQ of which nothing is made, each with the reason. */

import type { LeftOut } from '../../../protocol/schemas/definitions.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Kinds that a file has and this broker keeps otherwise. */
const WITHOUT_COUNTERPART: Readonly<Record<string, string>> = {
  users: 'users are tokens here: posthorn tokens make',
  permissions: 'rights are scopes of tokens',
  topic_permissions: 'rights are scopes of tokens',
  parameters: 'there are no parameters here',
  global_parameters: 'there are no parameters here',
};

/** Exchanges that are there from the start; so are those of RabbitMQ. */
export const isPredeclared = (exchange: string): boolean => exchange === '' || exchange.startsWith('amq.');

/** What is left out of each file. */
export function withoutCounterpart(definitions: Fields): LeftOut[] {
  return Object.entries(WITHOUT_COUNTERPART).flatMap(([kind, reason]) =>
    entriesOf(definitions, kind).map((entry) => ({ kind, name: nameOf(kind, entry), reason })),
  );
}

/** Why some of the settings of an entry are left out, which is taken without them. */
export const withoutSettings = (names: readonly string[]): string =>
  `of its settings ${names.join(', ')}, which no queue has here`;

export function entriesOf(definitions: Fields, kind: string): Fields[] {
  const list = definitions[kind];
  return Array.isArray(list)
    ? list.filter((entry): entry is Fields => typeof entry === 'object' && entry !== null)
    : [];
}

export function nameOf(kind: string, entry: Fields): string {
  const text = (name: string): string => (typeof entry[name] === 'string' ? entry[name] : '');
  return kind === 'bindings' ? `${text('source')} -> ${text('destination')}` : text('name') || text('user');
}
