/** Advice: what to do about an error of the broker or of the SDK. */

import { messageOf, PosthornError, type PosthornErrorCode } from '../errors.ts';
import type { Target } from './connection/connection.ts';
import { outcomeOf } from './exit-codes.ts';
import { Failure } from './failure.ts';

const ADVICE: Partial<Record<PosthornErrorCode, string>> = {
  topic_not_found: 'posthorn topics ls lists topics; posthorn topics create TOPIC creates one',
  queue_not_found: 'posthorn queues ls lists queues; posthorn queues create QUEUE creates one',
  exchange_not_found: 'posthorn exchanges ls lists exchanges; posthorn exchanges create EXCHANGE creates one',
  group_not_found: 'posthorn groups ls lists groups; a group exists once a member has joined',
  share_group_not_found: 'posthorn share-groups ls lists share groups',
  namespace_not_found:
    'posthorn namespaces ls lists namespaces (with the root token); --namespace chooses one',
  binding_not_found: 'posthorn bindings ls EXCHANGE lists the ids of bindings',
  policy_not_found: 'posthorn policies ls lists policies',
  alert_not_found: 'posthorn alerts ls lists alerts',
  subscription_not_found: 'posthorn subscriptions ls lists subscriptions',
  hook_not_found: 'posthorn hooks ls lists hooks',
  schedule_not_found: 'posthorn schedules ls lists schedules',
  token_not_found: 'posthorn tokens ls lists tokens',
  message_not_found: 'posthorn messages ls QUEUE lists messages; one that has moved on has a new id',
  move_not_found: 'posthorn moves ls QUEUE lists moves',
  message_leased:
    'Wait until its consumer settles it or its lease ends; posthorn messages ls QUEUE shows when',
  dead_letter_not_found: 'posthorn dlq ls QUEUE lists dead letters',
  replay_not_found: 'posthorn replays ls QUEUE lists replays',
  topic_differs: 'posthorn topics get TOPIC shows its settings; posthorn topics change TOPIC changes them',
  queue_differs: 'posthorn queues get QUEUE shows its settings; posthorn queues change QUEUE changes them',
  group_not_empty: 'Stop its members first; posthorn groups get GROUP lists them',
  queue_not_empty: 'Leave out --if-empty to delete it with its messages',
  queue_in_use: 'Stop its consumers first, or leave out --if-unused',
  not_confirmed: 'Repeat the name: --confirm NAME',
  cost_ceiling:
    'posthorn limits get shows the ceiling; posthorn limits set --rows-written-per-hour N raises it',
  quota: 'The namespace or the token has used up its rate; try again later',
  quota_exceeded: 'posthorn namespaces get NAMESPACE shows the quotas',
  unauthenticated: 'Give a good token: --token, POSTHORN_TOKEN, or a profile',
  forbidden: 'Use a token that has this right; posthorn tokens get ID shows what one may do',
  host_not_local: 'Call it as 127.0.0.1, or give it a root token: POSTHORN_ROOT_TOKEN',
  offset_below_start: 'posthorn topics partition TOPIC PARTITION shows which offsets there are',
  offset_past_end: 'posthorn topics partition TOPIC PARTITION shows which offsets there are',
  definitions_changed:
    'Somebody has changed a definition meanwhile; posthorn definitions diff FILE shows what is left',
  definitions_incomplete: 'Repeat the import; posthorn definitions diff FILE shows what is left',
  definitions_too_large:
    'posthorn definitions export --kinds exports a part; an import without --prune can be split',
  unknown_field: 'posthorn COMMAND --help lists the fields',
};

/** @param target undefined if the command talks to no broker */
export function failureOf(error: unknown, target: Target | undefined): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof PosthornError)) {
    return new Failure('failed', messageOf(error), { code: 'internal_error', cause: error });
  }
  const { code, message, status, details } = error;
  const outcome = outcomeOf(error);
  return new Failure(outcome, message, {
    code,
    details: { ...(status !== undefined && { status }), ...details },
    advice:
      outcome === 'unreachable' ? unreachable(target) : (ADVICE[code] ?? '').split('\n').filter(Boolean),
    cause: error,
  });
}

function unreachable(target: Target | undefined): string[] {
  if (target === undefined) return [];
  return [
    `No broker answers at ${target.url} (from ${target.source}).`,
    'Start one here: posthorn dev. Or name another: --url, POSTHORN_URL, or a profile',
  ];
}
