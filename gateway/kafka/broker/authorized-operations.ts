/**
 * Authorized operations: what a client may do with a resource, as the bits of Kafka's `AclOperation`. A broker without tokens lets
 * everybody do everything. What a token may do the gateway does not know, since the broker checks each call: it says "unknown" then.
 */

import type { Session } from '../session.ts';

const UNKNOWN = -2_147_483_648;

const ACL_OPERATION = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const;

type Operation = keyof typeof ACL_OPERATION;

const OF_CONFIGS: readonly Operation[] = ['describe', 'describeConfigs', 'alterConfigs'];

const OPERATIONS = {
  cluster: [...OF_CONFIGS, 'create', 'alter', 'clusterAction', 'idempotentWrite'],
  topic: [...OF_CONFIGS, 'read', 'write', 'create', 'delete', 'alter'],
  group: [...OF_CONFIGS, 'read', 'delete'],
} as const satisfies Record<string, readonly Operation[]>;

/** @param isAsked the client wants to know */
export function authorizedOperations(
  { client }: Session,
  resource: keyof typeof OPERATIONS,
  isAsked: boolean,
): number {
  if (!isAsked || client.token !== null) return UNKNOWN;
  return OPERATIONS[resource].reduce((bits, operation) => bits | (1 << ACL_OPERATION[operation]), 0);
}

export interface DescribeRequest {
  groupIds: string[];
  includeAuthorizedOperations: boolean;
}

/** Describes groups, each with the operations that the client may do. */
export async function describeEach(
  session: Session,
  { groupIds, includeAuthorizedOperations: isAsked }: DescribeRequest,
  describe: (groupId: string) => Promise<object>,
): Promise<{ groups: object[] }> {
  const operations = authorizedOperations(session, 'group', isAsked);
  const groups = groupIds.map(async (groupId) => ({
    groupId,
    authorizedOperations: operations,
    ...(await describe(groupId)),
  }));
  return { groups: await Promise.all(groups) };
}
