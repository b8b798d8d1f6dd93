/** Queries that few clients write: parameters twice, without a value, with signs, spaces and zeros that a number does not need. */

import type { Random } from '../../crash/random.ts';
import { pick } from '../values/schema-values.ts';

/** As they stand in the path. */
const ODD_VALUES = [
  '',
  '007',
  '1e1',
  '-0',
  '1.0',
  '+1',
  '%2B1',
  '+',
  '%20',
  '0x1',
  '1_0',
  '9007199254740993',
];

/** The query with one parameter of it in an odd way. */
export function oddQuery(query: URLSearchParams, random: Random): string {
  const parts = query.toString().split('&');
  const at = Math.floor(random() * parts.length);
  const part = parts[at]!;
  const [name = ''] = part.split('=');
  const odd = `${name}=${pick(random, ODD_VALUES)}`;
  parts[at] = pick(random, [odd, odd, `${part}&${part}`, `${part}&${odd}`, name, `${part}&`, `&${part}&=`]);
  return parts.join('&');
}
