/** Documents of RabbitMQ, as documents of this broker. */

import { readDefinitions, vhostFor } from '../../gateway/amqp/definitions/read-definitions.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { DEFINITIONS_VERSION, definitionsSchema, type LeftOut } from '../../protocol/schemas/definitions.ts';
import { rabbitmqDefinitionsSchema } from '../../protocol/schemas/rabbitmq-definitions.ts';
import { check } from '../../protocol/fields/check.ts';

/** What of the path of an issue leads to the entry: the list, and the number in it. */
const PATH_OF_ENTRY = 2;

/** @param namespace that the document goes into */
export function rabbitmqDocument(
  json: unknown,
  namespace: string,
): { document: object; leftOut: LeftOut[] } | Failure {
  const checked = check(rabbitmqDefinitionsSchema, json, 'body');
  if (isFailure(checked)) return checked;
  const { fields } = checked;
  const documentOf = (lists: object): object => ({ posthorn: DEFINITIONS_VERSION, ...lists });
  const { read, leftOut } = readDefinitions(fields, vhostFor(fields, namespace), (kind, entry) => {
    const { error } = definitionsSchema.safeParse(documentOf({ [kind]: [entry] }));
    const [issue] = error?.issues ?? [];
    return issue === undefined ? null : `${issue.path.slice(PATH_OF_ENTRY).join('.')}: ${issue.message}`;
  });
  return { document: documentOf(read), leftOut };
}
