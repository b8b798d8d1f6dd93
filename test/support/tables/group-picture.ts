/**
 * Pictures of a group that reads topic `t`: its epoch, its members and who is still to be fenced, apart by `;`.
 *
 *   5          the epoch; `5/4` where the target was computed for epoch 4
 *   a 0.3      member a owns partition 0 since epoch 3, and is to own it
 *   a 0.3-5    epoch 5 has revoked it, and a has not let go yet
 *   a +1       a is to own partition 1, and does not own it yet
 *   !a.6 0 1   a is gone; partitions 0 and 1 are to be told that epoch 6 has fenced it
 *
 * A member's name is followed by what is not usual: `a^2` joined in epoch 2 (not 1), `a=i` is instance i, `b<a` has taken
 * the place of a.
 */

import { isFailure, type Failure } from '../../../protocol/errors.ts';
import type { AssignorName } from '../../../protocol/schemas/groups.ts';
import {
  assignmentOf,
  emptyGroup,
  type GroupState,
  type Member,
  type TopicRef,
} from '../../../core/group/group-state.ts';
import {
  checkEpoch,
  fenced,
  findMember,
  heartbeat,
  join,
  ownershipsOf,
  remove,
  type Beat,
} from '../../../core/group/membership.ts';
import { acceptTarget } from '../../../core/group/target.ts';
import { wordsOf, type Words } from './text-table.ts';

export const TOPIC: TopicRef = { id: 1, partitions: 4, jurisdiction: null, locationHint: null };

export function drawGroup(picture: string): GroupState {
  const state = emptyGroup();
  const [epochs = '0', ...parts] = picture.split(';').map((part) => part.trim());
  const [epoch, targetEpoch = epoch] = epochs.split('/').map(Number);
  Object.assign(state, { epoch, targetEpoch, topologyVersion: 1, topics: { t: { ...TOPIC } } });
  for (const part of parts) {
    const [name = '', ...words] = part.split(/\s+/);
    const [, goneId, fencedEpoch] = /^!(\w+)\.(\d+)$/.exec(name) ?? [];
    if (goneId !== undefined)
      state.fencing[goneId] = { epoch: Number(fencedEpoch), partitions: words.map((word) => `t/${word}`) };
    else {
      const member = memberOf(name, words);
      state.members[member.id] = member;
    }
  }
  return state;
}

function memberOf(name: string, words: readonly string[]): Member {
  const { id, joined, instance, replaced } =
    /^(?<id>\w+)(?:\^(?<joined>\d+))?(?:=(?<instance>\w+))?(?:<(?<replaced>\w+))?$/.exec(name)!.groups!;
  const member: Member = {
    id: id!,
    instanceId: instance ?? null,
    replacedId: replaced ?? null,
    topics: ['t'],
    pattern: null,
    assignor: 'range',
    rack: null,
    autoOffsetReset: 'earliest',
    sessionTimeoutMs: 1_000,
    joinedEpoch: Number(joined ?? 1),
    target: [],
    owned: {},
  };
  for (const word of words) {
    const [, plus, partition, since, revoked] = /^(\+)?(\d+)(?:\.(\d+))?(?:-(\d+))?$/.exec(word)!;
    const key = `t/${partition}`;
    if (revoked === undefined) member.target.push(key);
    if (plus === undefined) member.owned[key] = { since: Number(since), revoked: Number(revoked ?? 0) };
  }
  return member;
}

export function pictureOfGroup({ epoch, targetEpoch, members, fencing }: GroupState): string {
  const short = (key: string): string => (key.startsWith('t/') ? key.slice(2) : key);
  const parts = [epoch === targetEpoch ? `${epoch}` : `${epoch}/${targetEpoch}`];
  for (const { id, joinedEpoch, instanceId, replacedId, target, owned } of Object.values(members)) {
    const name = `${id}${joinedEpoch === 1 ? '' : `^${joinedEpoch}`}${instanceId ? `=${instanceId}` : ''}`;
    const words = Object.entries(owned).map(([key, { since, revoked }]) => {
      if (revoked === 0 && !target.includes(key)) return `${short(key)}.${since}?`;
      return `${short(key)}.${since}${revoked === 0 ? '' : `-${revoked}`}`;
    });
    const wanted = target.filter((key) => owned[key] === undefined).map((key) => `+${short(key)}`);
    parts.push([`${name}${replacedId ? `<${replacedId}` : ''}`, ...words, ...wanted].join(' '));
  }
  for (const [id, { epoch: since, partitions }] of Object.entries(fencing))
    parts.push([`!${id}.${since}`, ...partitions.map(short)].join(' '));
  return parts.join(' ; ');
}

/**
 * Carries out a command, and returns its outcome in words: a code where it is refused.
 *
 *   join c instance=i topics=t,u pattern=t* assignor=range
 *   beat a epoch=5 held=0,1 shown=4      without `epoch`, of a client that keeps none; `held=unsaid`, else what it was told
 *   check a epoch=5 shown=4 · find a · owns a partitions=0,1
 *   remove a · fenced a
 *   target a=0,1 b=2 ; with epoch= version= id= partitions= where they are not the usual ones
 */
export function runInGroup(state: GroupState, does: string): string {
  const words = wordsOf(does);
  const id = words.args[0]!;
  const { options } = words;
  const partitions = (text = ''): { topic: string; partition: number }[] =>
    text.split(',').flatMap((number) => (number === '' ? [] : [{ topic: 't', partition: Number(number) }]));
  switch (words.verb) {
    case 'join':
      return codeOr(joinBy(state, id, options), () => 'joined');
    case 'beat': {
      const { epoch, held, shown = '0' } = options;
      const holds: Beat['held'] =
        held === undefined ? 'assigned' : held === 'unsaid' ? held : partitions(held);
      const beat = {
        memberId: id,
        epoch: epoch ? Number(epoch) : null,
        held: holds,
        shownEpoch: Number(shown),
      };
      return codeOr(heartbeat(state, beat), ({ member, isChanged }) => {
        const reads = assignmentOf(member).map(({ partition }) => partition);
        return [
          `reads ${reads.length > 0 ? reads.join(',') : 'nothing'}`,
          ...(isChanged ? ['changed'] : []),
        ].join(' ');
      });
    }
    case 'check': {
      const member = state.members[id]!;
      return (
        checkEpoch(state, member, Number(options['epoch']), Number(options['shown'] ?? 0))?.code ?? 'taken'
      );
    }
    case 'find':
      return codeOr(findMember(state, id), () => 'found');
    case 'owns':
      return ownershipsOf(state.members[id]!, partitions(options['partitions']))
        .map((since) => since ?? 'no')
        .join(' ');
    case 'remove':
      remove(state, state.members[id]!);
      return 'removed';
    case 'fenced':
      fenced(state, id);
      return 'noted';
    case 'target':
      return target(state, words);
    default:
      throw new Error(`no command: ${does}`);
  }
}

function joinBy(state: GroupState, id: string, options: Words['options']): Member | Failure {
  return join(state, id, {
    topics: (options['topics'] ?? 't').split(','),
    pattern: options['pattern'] ?? null,
    assignor: (options['assignor'] ?? 'range') as AssignorName,
    instanceId: options['instance'] ?? null,
    rack: null,
    autoOffsetReset: 'earliest',
    topologyVersion: 1,
    sessionTimeoutMs: 1_000,
  });
}

function target(state: GroupState, { options }: Words): string {
  const { epoch, version, id, partitions, ...members } = options;
  const keys = (text: string): string[] =>
    text === '' ? [] : text.split(',').map((number) => `t/${number}`);
  return acceptTarget(state, {
    epoch: Number(epoch ?? state.epoch),
    topologyVersion: Number(version ?? state.topologyVersion),
    topics: { t: { ...TOPIC, id: Number(id ?? 1), partitions: Number(partitions ?? 4) } },
    members: Object.fromEntries(Object.entries(members).map(([name, text]) => [name, keys(text)])),
  });
}

function codeOr<Value extends object>(result: Value | Failure, text: (value: Value) => string): string {
  return isFailure(result) ? result.code : text(result);
}

/** What must hold in every group; null where it does. */
export function groupProblem(state: GroupState): string | null {
  const owners = new Map<string, string>();
  const claims = [
    ...Object.values(state.members).flatMap(({ id, owned }) => Object.keys(owned).map((key) => [key, id])),
    ...Object.entries(state.fencing).flatMap(([id, { partitions }]) => partitions.map((key) => [key, id])),
  ] as [string, string][];
  for (const [key, id] of claims) {
    const other = owners.get(key);
    if (other !== undefined) return `${key} has two owners: ${other} and ${id}`;
    owners.set(key, id);
  }
  if (state.targetEpoch > state.epoch) return 'the target is of an epoch that has not begun';
  for (const { id, owned, joinedEpoch } of Object.values(state.members)) {
    for (const { since, revoked } of Object.values(owned)) {
      if (since < joinedEpoch || since > state.epoch) return `${id} owns a partition since epoch ${since}`;
      if (revoked !== 0 && (revoked <= since || revoked > state.epoch))
        return `${id} lost one in epoch ${revoked}`;
    }
  }
  return null;
}
