/** Dead letters of a queue: by error, one of them in full, and replays. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import type { DeadLetter, DeadLetterList } from '../../protocol/schemas/dead-letters.ts';
import { call, pathOf, wordsOf } from '../data/api.ts';
import { lineOf } from '../data/body.ts';
import { groupsOf, type DeadLetterGroup } from '../data/dead-letter-groups.ts';
import { useLive } from '../data/live.ts';
import { countText, timeText } from '../data/words.ts';
import { DeadLetterView } from '../parts/dead-letter-view.tsx';
import { Trouble } from '../parts/small-parts.tsx';
import { ReplayPanel } from '../parts/replay-panel.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { hrefOf } from '../route.ts';

/** The first are there at once; more come as many as one call gives. */
const PAGE = 100;
const MORE = 500;
const LETTERS_MS = 5_000;

interface Props {
  readonly namespace: string;
  readonly queue: string;
}

export function DeadLettersPage({ namespace, queue }: Props) {
  const path = (query: Record<string, string | number | undefined>): string =>
    pathOf([namespace, 'queues', queue, 'dead-letters'], query);
  const first = useLive(
    (signal) => call<DeadLetterList>('GET', path({ limit: PAGE }), { signal }),
    LETTERS_MS,
    `${namespace}/${queue}`,
  );
  const [more, setMore] = useState<{
    letters: DeadLetter[];
    next: string | undefined;
    error: string | null;
  }>();
  const letters = useMemo(
    () => unique([...(first.value?.dead_letters ?? []), ...(more?.letters ?? [])]),
    [first.value, more],
  );
  const groups = useMemo(() => groupsOf(letters), [letters]);
  const [chosenKey, choose] = useState<string>();
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const selected = letters.filter(({ id }) => marked.has(id)).map(({ id }) => id);
  const group = groups.find(({ key }) => key === chosenKey) ?? groups[0];
  const next = more ? more.next : first.value?.next;
  const loadMore = async (): Promise<void> => {
    const known = more?.letters ?? [];
    await call<DeadLetterList>('GET', path({ limit: MORE, after: next })).then(
      (page) => setMore({ letters: [...known, ...page.dead_letters], next: page.next, error: null }),
      (error: unknown) => setMore({ letters: known, next, error: wordsOf(error) }),
    );
  };
  const reload = (): void => {
    setMore(undefined);
    first.reload();
  };
  return (
    <>
      <h1>Dead letters of {queue}</h1>
      <p>
        <a href={hrefOf({ page: 'queue', namespace, name: queue })}>{queue}</a>
        {first.value && first.value.queue !== queue && (
          <>
            {' '}
            sends them to{' '}
            <a href={hrefOf({ page: 'queue', namespace, name: first.value.queue })}>{first.value.queue}</a>
          </>
        )}
      </p>
      <Trouble error={first.error ?? more?.error ?? null} />
      {first.value?.warnings?.map((warning) => (
        <p class="bad">{warning}</p>
      ))}
      {first.value && letters.length === 0 && <p class="empty">No dead letters.</p>}
      {letters.length > 0 && (
        <p>
          {countText(letters.length, 'dead letter')}{' '}
          {next !== undefined && <Total namespace={namespace} queue={first.value!.queue} />}{' '}
          {next !== undefined && (
            <button type="button" onClick={() => void loadMore()}>
              Load more
            </button>
          )}{' '}
          <a href={`/v1/${pathOf([namespace, 'queues', queue, 'dead-letters', 'export'])}`} download>
            Export all
          </a>
        </p>
      )}
      <ReplayPanel namespace={namespace} queue={queue} group={group} selected={selected} onMoved={reload} />
      {group && (
        <div class="columns">
          <GroupList groups={groups} chosen={group} onChoose={choose} />
          <Letters
            key={group.key}
            namespace={namespace}
            queue={queue}
            group={group}
            onSent={reload}
            marked={marked}
            onMark={setMarked}
          />
        </div>
      )}
    </>
  );
}

/** How many there are, of which the page has loaded some. */
function Total({ namespace, queue }: Props) {
  const { value } = useLive(
    (signal) => call<QueueWithStateReply>('GET', pathOf([namespace, 'queues', queue]), { signal }),
    LETTERS_MS,
    `${namespace}/${queue}`,
  );
  return <>{value ? `of ${value.state.ready.toLocaleString('en')} in ${queue}` : 'so far'}</>;
}

interface GroupListProps {
  readonly groups: readonly DeadLetterGroup[];
  readonly chosen: DeadLetterGroup;
  readonly onChoose: (key: string) => void;
}

function GroupList({ groups, chosen, onChoose }: GroupListProps) {
  return (
    <nav aria-label="Errors">
      <h2>Errors</h2>
      <ul class="groups">
        {groups.map(({ key, errorType, reason, originalQueue, letters }) => (
          <li key={key}>
            <button type="button" aria-pressed={key === chosen.key} onClick={() => onChoose(key)}>
              <b>{errorType ?? reason ?? 'no error'}</b> · {letters.length.toLocaleString('en')}
              <br />
              <small>
                {reason}
                {originalQueue === null ? '' : ` in ${originalQueue}`}
              </small>
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface LettersProps extends Props {
  readonly group: DeadLetterGroup;
  readonly onSent: () => void;
  /** The ids of those that a replay takes. */
  readonly marked: ReadonlySet<string>;
  readonly onMark: (marked: ReadonlySet<string>) => void;
}

/** The letters of a group; the first is open. */
function Letters({ namespace, queue, group, onSent, marked, onMark }: LettersProps) {
  const [id, setId] = useState(group.letters[0]!.id);
  const letter = group.letters.find((each) => each.id === id) ?? group.letters[0]!;
  useEffect(() => setId(letter.id), [letter.id]);
  return (
    <div>
      {group.letters.length > 1 && (
        <>
          <h2>{countText(group.letters.length, 'letter')}</h2>
          <VirtualRows
            label="Letters"
            columns={['Message', 'Died', 'Selected']}
            items={group.letters}
            keyOf={(each) => each.id}
            empty=""
            cells={(each) => [
              <button
                type="button"
                class="quiet"
                aria-pressed={each.id === letter.id}
                onClick={() => setId(each.id)}
              >
                <code>{lineOf(each.original_message.body, 60)}</code>
              </button>,
              timeText(each.metadata.died_at),
              <input
                type="checkbox"
                aria-label={`Select the dead letter ${each.id}`}
                checked={marked.has(each.id)}
                onChange={() => onMark(marked.symmetricDifference(new Set([each.id])))}
              />,
            ]}
          />
        </>
      )}
      <DeadLetterView key={letter.id} namespace={namespace} queue={queue} letter={letter} onSent={onSent} />
    </div>
  );
}

function unique(letters: readonly DeadLetter[]): DeadLetter[] {
  return [...new Map(letters.map((letter) => [letter.id, letter])).values()];
}
