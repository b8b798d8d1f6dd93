/** Group methods: the names that a call may have. */

import type { GroupMethods } from '../rpc/group.ts';

export const METHODS: ReadonlySet<string> = new Set<keyof GroupMethods>([
  'join',
  'heartbeat',
  'leave',
  'targetInputs',
  'acceptTarget',
  'ownerships',
  'describe',
  'noteBegun',
  'consumer',
  'classic',
  'admitCommit',
  'beginChange',
  'beginReset',
  'deleteGroup',
  'erase',
  'tick',
]);
