/** DescribeGroups, ListGroups, DeleteGroups. */

import { describeEach } from '../broker/authorized-operations.ts';
import { isName } from '../../../protocol/names/name-rule.ts';
import { asPosthornError } from '../../../sdk/errors.ts';
import type { GroupDescription } from '../../../sdk/admin/groups.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { failureOf } from '../broker/broker-errors.ts';
import type { Handler, Session } from '../session.ts';
import { checkGroup, groupFailure } from './groups.ts';

const STATES = {
  empty: 'Empty',
  preparing: 'PreparingRebalance',
  completing: 'CompletingRebalance',
  stable: 'Stable',
  reconciling: 'PreparingRebalance',
} as const;

/** What the members of a group do that the broker assigns to. */
const CONSUMER = 'consumer';
const SHARE = 'share';

/** From this version on a group that is not there is an error, and not a dead group. */
const NOT_FOUND_VERSION = 6;

interface DescribeGroupsRequest {
  groups: string[];
  includeAuthorizedOperations: boolean;
}

export const describeGroups: Handler<DescribeGroupsRequest> = (
  session,
  { groups: groupIds, includeAuthorizedOperations },
  version,
) =>
  describeEach(session, { groupIds, includeAuthorizedOperations }, (group) =>
    describe(session, group, version),
  );

async function describe({ client }: Session, group: string, version: number): Promise<object> {
  try {
    checkGroup(group);
    return described(await client.groups.describe(group));
  } catch (error) {
    const { errorCode, errorMessage } = groupFailure(error);
    const isGone = errorCode === ERRORS.GROUP_ID_NOT_FOUND && version < NOT_FOUND_VERSION;
    return {
      errorCode: isGone ? ERRORS.NONE : errorCode,
      errorMessage,
      groupState: isGone ? 'Dead' : '',
      members: [],
    };
  }
}

function described({ state, members, classic }: GroupDescription): object {
  if (members.length > 0 || !classic) {
    return {
      errorCode: ERRORS.NONE,
      groupState: STATES[state],
      protocolType: CONSUMER,
      members: members.map(({ memberId, instanceId }) => ({ memberId, groupInstanceId: instanceId })),
    };
  }
  return {
    errorCode: ERRORS.NONE,
    groupState: STATES[classic.phase],
    protocolType: classic.protocolType,
    protocolData: classic.protocol,
    members: classic.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: new Uint8Array(Buffer.from(member.metadata, 'base64')),
      memberAssignment: new Uint8Array(Buffer.from(member.assignment, 'base64')),
    })),
  };
}

interface ListGroupsRequest {
  statesFilter: string[];
  typesFilter: string[];
}

/** Groups that are asked at the same time. */
const AT_ONCE = 32;

/** Versions with the state and the type of each group, for which each has to be asked. */
const STATES_VERSION = 4;

export const listGroups: Handler<ListGroupsRequest> = async (
  session,
  { statesFilter, typesFilter },
  version,
) => {
  try {
    const names = await session.client.groups.list();
    const groups: (ListedGroup | null)[] = [];
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const some = names.slice(at, at + AT_ONCE).map((name) => listed(session, name, version));
      groups.push(...(await Promise.all(some)));
    }
    groups.push(...(await shareGroupsOf(session)));
    const isAsked = (filter: readonly string[], value: string): boolean =>
      filter.length === 0 || filter.some((each) => each.toLowerCase() === value.toLowerCase());
    return {
      errorCode: ERRORS.NONE,
      groups: groups.filter(
        (group) => group && isAsked(statesFilter, group.groupState) && isAsked(typesFilter, group.groupType),
      ),
    };
  } catch (error) {
    return { errorCode: failureOf(error, 'cluster').errorCode, groups: [] };
  }
};

/** Who may not see share groups sees the others. */
async function shareGroupsOf({ client, shareMembers }: Session): Promise<ListedGroup[]> {
  const found = await client.shareGroups.list().catch((error: unknown) => {
    if (asPosthornError(error).code === 'forbidden') return [];
    throw error;
  });
  return found.map(({ shareGroup: groupId }) => {
    const isEmpty = shareMembers.of(client.namespace, groupId, performance.now()).length === 0;
    return { groupId, protocolType: SHARE, groupState: isEmpty ? 'Empty' : 'Stable', groupType: 'Share' };
  });
}

interface ListedGroup {
  groupId: string;
  protocolType: string;
  groupState: string;
  groupType: string;
}

/** Null if it has gone meanwhile. */
async function listed({ client }: Session, groupId: string, version: number): Promise<ListedGroup | null> {
  if (version < STATES_VERSION) return { groupId, protocolType: CONSUMER, groupState: '', groupType: '' };
  try {
    const { state, members, classic } = await client.groups.describe(groupId);
    const isClassic = members.length === 0;
    return {
      groupId,
      protocolType: (isClassic && classic?.protocolType) || CONSUMER,
      groupState: isClassic && classic ? STATES[classic.phase] : STATES[state],
      groupType: isClassic ? 'Classic' : 'Consumer',
    };
  } catch (error) {
    if (asPosthornError(error).code === 'group_not_found') return null;
    throw error;
  }
}

export const deleteGroups: Handler<{ groupsNames: string[] }> = async (session, { groupsNames }) => ({
  results: await Promise.all(
    groupsNames.map(async (groupId) => ({ groupId, errorCode: await deleteGroup(session, groupId) })),
  ),
});

async function deleteGroup(session: Session, group: string): Promise<number> {
  try {
    checkGroup(group);
    await session.client.groups.delete(group);
    return ERRORS.NONE;
  } catch (error) {
    const { code } = asPosthornError(error);
    if (code === 'group_not_found' && isName(group)) return await deleteShareGroup(session, group);
    return code === 'group_not_empty' ? ERRORS.NON_EMPTY_GROUP : groupFailure(error).errorCode;
  }
}

async function deleteShareGroup({ client, shareMembers }: Session, group: string): Promise<number> {
  const hasMembers = shareMembers.of(client.namespace, group, performance.now()).length > 0;
  if (hasMembers) return ERRORS.NON_EMPTY_GROUP;
  try {
    await client.shareGroups.delete(group);
    return ERRORS.NONE;
  } catch (error) {
    return groupFailure(error).errorCode;
  }
}
