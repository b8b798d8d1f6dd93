import { SHARED } from '../workload/share-topology.ts';
import type { Checker } from './checker.ts';
import { finalLogs } from './logs.ts';

/**
 * At rest every record has been given to a member or was archived, all are done, and of a group with a place for dead
 * letters each that was archived has come there, once.
 */
export const shareLost: Checker = {
  name: 'share-lost',
  promise: 'A share group gives every record to a member, or archives it; dead letters arrive, once',
  check: (history) => {
    const broken: string[] = [];
    const given = new Set<string>();
    for (const { group, records } of history.of('share-acquire'))
      for (const { log, offset, id } of records) given.add(`${group} ${log}/${offset} ${id}`);
    const dead = new Map<string, Set<string>>();
    for (const { queue, deliveries } of history.of('deliver')) {
      if (queue !== SHARED.deadLetters) continue;
      for (const { id, tag } of deliveries)
        dead.set(id, (dead.get(id) ?? new Set()).add(tag.split('-').slice(0, 3).join('-')));
    }
    const places = new Map<string, number>();
    const ids = new Map<string, string>();
    for (const [log, records] of finalLogs(history)) {
      if (!log.startsWith(`${SHARED.topic}/`)) continue;
      for (const [offset, id] of records) {
        places.set(id, (places.get(id) ?? 0) + 1);
        ids.set(`${log}/${offset}`, id);
      }
    }
    for (const state of history.of('share-state')) {
      if (!state.isFinal) continue;
      const hasDeadLetters = SHARED.groups[state.group]!.dead_letter !== 'none';
      for (const { log, inFlight, available, lag, archived, deadLettersWaiting } of state.partitions) {
        if (inFlight + available + lag + deadLettersWaiting > 0)
          broken.push(`${state.group} is not done with ${log}: ${JSON.stringify(state.partitions)}`);
        const unseen = [...ids].filter(
          ([place, id]) => place.startsWith(`${log}/`) && !given.has(`${state.group} ${place} ${id}`),
        );
        const lost = hasDeadLetters ? unseen.filter(([, id]) => !dead.has(id)) : unseen.slice(archived);
        for (const [place, id] of lost) broken.push(`${state.group} has given ${place}, ${id}, to nobody`);
      }
    }
    for (const { group, settlements } of history.of('share-settle')) {
      if (SHARED.groups[group]!.dead_letter === 'none') continue;
      for (const { log, offset, result } of settlements) {
        const id = ids.get(`${log}/${offset}`);
        if (id === undefined) continue;
        if (result === 'archived' && !dead.has(id))
          broken.push(`${id} at ${log}/${offset} was archived by ${group} and has not arrived`);
        if (result === 'accepted' && dead.has(id) && places.get(id) === 1)
          broken.push(`${id} at ${log}/${offset} was accepted in ${group} and has arrived as a dead letter`);
      }
    }
    for (const [id, seen] of dead) {
      if (seen.size > (places.get(id) ?? 0))
        broken.push(`the dead letter ${id} arrived ${seen.size} times: ${[...seen].join(', ')}`);
    }
    return broken;
  },
};
