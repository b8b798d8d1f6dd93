/** Names of namespaces, topics and everything else that a path can carry, as a schema. The rule is in name-rule.ts. */

import * as z from 'zod';
import { NAME_PATTERN, NAME_RULE } from './name-rule.ts';

export { isName, NAME_RULE } from './name-rule.ts';

export const nameSchema = z.string().regex(NAME_PATTERN, `expected ${NAME_RULE}`);
