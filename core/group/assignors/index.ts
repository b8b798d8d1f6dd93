/** The assignors by name. */

import type { AssignorName } from '../../../protocol/schemas/groups.ts';
import type { Assignor } from './assignor.ts';
import { assignRange } from './range.ts';
import { assignRoundRobin } from './round-robin.ts';
import { assignStickyCooperative } from './sticky-cooperative.ts';

export type { Assignment, Assignor, AssignorInput } from './assignor.ts';

export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  range: assignRange,
  'round-robin': assignRoundRobin,
  'sticky-cooperative': assignStickyCooperative,
};
