/** Replay panel: sends a group of dead letters back, and shows how far the replays are. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Replay } from '../../protocol/schemas/dead-letters.ts';
import { call, pathOf } from '../data/api.ts';
import { filterOf, type DeadLetterGroup } from '../data/dead-letter-groups.ts';
import { useLive } from '../data/live.ts';
import { countText } from '../data/words.ts';
import { Action } from './action.tsx';

const PROGRESS_MS = 1_000;

/** Ids that one replay takes. */
const IDS_MAX = 500;

interface Props {
  readonly namespace: string;
  readonly queue: string;
  readonly group: DeadLetterGroup | undefined;
  /** The ids of letters that somebody has marked. */
  readonly selected: readonly string[];
  readonly onMoved: () => void;
}

export function ReplayPanel({ namespace, queue, group, selected, onMoved }: Props) {
  const [rate, setRate] = useState('');
  const names = [namespace, 'queues', queue, 'dead-letters'];
  const [isWatching, setWatching] = useState(false);
  const { value, reload } = useLive(
    (signal) => call<{ replays: Replay[] }>('GET', pathOf([...names, 'replays']), { signal }),
    isWatching ? PROGRESS_MS : 0,
    names.join('/'),
  );
  const running = value?.replays.some(({ state }) => state === 'running') ?? false;
  const wasRunning = useRef(false);
  useEffect(() => {
    setWatching(running);
    if (wasRunning.current && !running) onMoved();
    wasRunning.current = running;
  }, [running]);
  const replay = async (which: object): Promise<string> => {
    const perSecond = Number(rate);
    await call('POST', pathOf([...names, 'replay']), {
      body: { ...which, ...(rate.trim() !== '' && { rate_per_s: perSecond }) },
    });
    wasRunning.current = true;
    setWatching(true);
    reload();
    onMoved();
    return 'The replay has begun.';
  };
  const shown = value?.replays.slice(0, 5) ?? [];
  if (group === undefined && shown.length === 0) return null;
  return (
    <section aria-label="Replay">
      {group && (
        <p class="buttons">
          <Action run={() => replay(selectionOf(group))}>
            Replay all with {group.errorType ?? group.reason ?? 'no error'}
          </Action>
          {selected.length > 0 && (
            <Action isMain run={() => replay({ ids: selected.slice(0, IDS_MAX) })}>
              Replay selected ({Math.min(selected.length, IDS_MAX)})
            </Action>
          )}
          <Action run={() => replay({})}>Replay all</Action>
          <label>
            at most per second{' '}
            <input
              size={6}
              inputMode="numeric"
              placeholder="no limit"
              value={rate}
              onInput={(event) => setRate(event.currentTarget.value)}
            />
          </label>
        </p>
      )}
      {shown.map((each) => (
        <p key={each.id}>
          <progress
            max={Math.max(1, each.total)}
            value={each.looked_at}
            aria-label="Progress of the replay"
          />{' '}
          Replay {each.state}: {countText(each.moved, 'message')} moved of {each.total.toLocaleString('en')}
          {each.skipped > 0 && `, ${each.skipped} skipped`}{' '}
          {each.state === 'running' && (
            <Action
              run={() =>
                call('DELETE', pathOf([...names, 'replays', each.id])).then(() => 'It is cancelled.')
              }
            >
              Cancel
            </Action>
          )}
        </p>
      ))}
    </section>
  );
}

/** The filter of the group. Letters without an error have none, so those that are loaded are named. */
function selectionOf(group: DeadLetterGroup): object {
  const filter = filterOf(group);
  return filter === null ? { ids: group.letters.slice(0, IDS_MAX).map(({ id }) => id) } : { filter };
}
