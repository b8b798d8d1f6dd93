/** Parse query: names and values of a query, as HTML forms encode them: `+` is a space, `%xx` a byte of UTF-8. */

import { failure, type Failure } from '../errors.ts';

/** Parameters of a request: no operation has half as many. */
const PARAMETERS_MAX = 100;

/** Names and values. A name that occurs twice is refused, because the client may mean either value. */
export function parseQuery(search: string): Map<string, string> | Failure {
  const given = new Map<string, string>();
  for (const pair of search.split('&', PARAMETERS_MAX + 1)) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decoded(equals === -1 ? pair : pair.slice(0, equals));
    const value = decoded(equals === -1 ? '' : pair.slice(equals + 1));
    if (name === null || value === null) {
      return failure('invalid_field', `query: "${pair.slice(0, 60)}" is not percent-encoded UTF-8`);
    }
    if (given.has(name)) return failure('invalid_field', `query ${name.slice(0, 60)}: is given twice`);
    given.set(name, value);
  }
  if (given.size <= PARAMETERS_MAX) return given;
  return failure('unknown_field', `query: more than ${PARAMETERS_MAX} parameters; no request has so many`);
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
