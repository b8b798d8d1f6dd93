/** Groups: their lag, and of one its members, who owns what, the time to catch up, and its offsets, which can be moved. */

import { useEffect, useState } from 'preact/hooks';
import type { GroupList, GroupOffsetReply, GroupState, ResetReply } from '../../protocol/schemas/groups.ts';
import type { ShareGroupList } from '../../protocol/schemas/share-groups.ts';
import { call, pathOf, wordsOf } from '../data/api.ts';
import { catchUpText, trendOf, withSample, type LagSample } from '../data/lag-trend.ts';
import { useList } from '../data/lists.ts';
import { useLive } from '../data/live.ts';
import { countText, spanText } from '../data/words.ts';
import { Action } from '../parts/action.tsx';
import { DeleteAction } from '../parts/delete-action.tsx';
import { Figures, Trouble } from '../parts/small-parts.tsx';
import { SectionList } from '../parts/section-list.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { hrefOf } from '../route.ts';

const STATE_MS = 3_000;

interface Props {
  readonly namespace: string;
  readonly name: string | undefined;
}

export function GroupsPage({ namespace, name }: Props) {
  const groups = useList<GroupList['groups'][number]>(namespace, 'groups', { query: { include: 'lag' } });
  const shareGroups = useList<ShareGroupList['share_groups'][number]>(namespace, 'share-groups', {
    member: 'share_groups',
  });
  return (
    <>
      <h1>Groups</h1>
      <SectionList
        section="groups"
        namespace={namespace}
        name={name}
        label="Groups"
        list={groups}
        nameOf={({ group }) => group}
        columns={['Group', 'Lag']}
        cells={({ lag }) => [lag == null ? '–' : lag.toLocaleString('en')]}
        empty="No group yet. The first member of a group makes it."
      />
      {name !== undefined && <GroupView key={name} namespace={namespace} group={name} />}
      {(shareGroups.value?.length ?? 0) > 0 && (
        <section aria-labelledby="share-groups">
          <h2 id="share-groups">Share groups</h2>
          <VirtualRows
            label="Share groups"
            columns={['Share group', 'Topics', 'Tries', 'Lock']}
            items={shareGroups.value!}
            keyOf={({ share_group: group }) => group}
            empty=""
            cells={({ share_group: group, topics, delivery_limit: tries, lock_duration_ms: lockMs }) => [
              group,
              topics.join(', '),
              String(tries),
              spanText(lockMs),
            ]}
          />
        </section>
      )}
    </>
  );
}

function GroupView({ namespace, group }: { namespace: string; group: string }) {
  const { value, error, reload } = useLive(
    (signal) => call<GroupState>('GET', pathOf([namespace, 'groups', group]), { signal }),
    STATE_MS,
    `${namespace}/${group}`,
  );
  const lag = value?.offsets.reduce((sum, each) => sum + each.lag, 0);
  const [samples, setSamples] = useState<readonly LagSample[]>([]);
  useEffect(() => {
    if (lag !== undefined) setSamples((before) => withSample(before, { atMs: performance.now(), lag }));
  }, [value]);
  return (
    <>
      <h2>{group}</h2>
      <Trouble error={error} />
      {value && (
        <>
          <Figures
            figures={[
              ['State', value.state],
              ['Members', value.members.length.toLocaleString('en')],
              ['Lag', `${lag!.toLocaleString('en')}${value.offsets_next === undefined ? '' : ' and more'}`],
              ['Time to catch up', catchUpText(lag!, trendOf(samples))],
              ['Assignor', value.assignor],
            ]}
          />
          <Members state={value} />
          <Offsets namespace={namespace} state={value} />
          <Reset namespace={namespace} state={value} onDone={reload} />
          <p class="buttons">
            <DeleteAction
              section="groups"
              namespace={namespace}
              name={group}
              warning={`The group ${group} is deleted with its offsets.`}
              label="Delete the group"
            />
          </p>
        </>
      )}
    </>
  );
}

function Members({ state: { members } }: { state: GroupState }) {
  return (
    <section aria-labelledby="members">
      <h3 id="members">Members</h3>
      <VirtualRows
        label="Members"
        columns={['Member', 'Topics', 'Partitions', 'Gives up', 'Session']}
        items={members}
        keyOf={({ member_id: id }) => id}
        empty="No member: nobody reads for this group now."
        cells={({
          member_id: id,
          instance_id: instance,
          topics,
          topic_pattern: pattern,
          assignment,
          revoking,
          session_timeout_ms: ms,
        }) => [
          instance ?? id,
          pattern ?? topics.join(', '),
          assignment.length.toLocaleString('en'),
          revoking.length === 0 ? '–' : revoking.length.toLocaleString('en'),
          `${Math.round(ms / 1_000)} s`,
        ]}
      />
    </section>
  );
}

function Offsets({ namespace, state }: { namespace: string; state: GroupState }) {
  const owners = new Map(
    state.members.flatMap(({ member_id: id, instance_id: instance, assignment }) =>
      assignment.map(({ topic, partition }) => [`${topic}/${partition}`, instance ?? id] as const),
    ),
  );
  return (
    <section aria-labelledby="offsets">
      <h3 id="offsets">Partitions</h3>
      <VirtualRows
        label="Offsets"
        columns={['Topic', 'Partition', 'Committed', 'End', 'Lag', 'Owner']}
        items={state.offsets}
        keyOf={({ topic, partition }) => `${topic}/${partition}`}
        empty="It has read nothing yet."
        cells={({ topic, partition, offset, pending, high_watermark: end, lag }: GroupOffsetReply) => [
          <a href={hrefOf({ page: 'topic', namespace, name: topic })}>{topic}</a>,
          String(partition),
          `${offset?.toLocaleString('en') ?? 'nothing'}${pending ? ' (in a transaction)' : ''}`,
          end.toLocaleString('en'),
          lag.toLocaleString('en'),
          owners.get(`${topic}/${partition}`) ?? 'nobody',
        ]}
      />
    </section>
  );
}

interface ResetProps {
  readonly namespace: string;
  readonly state: GroupState;
  readonly onDone: () => void;
}

/** Moves offsets, after a look at what that would do. */
function Reset({ namespace, state, onDone }: ResetProps) {
  const topics = [...new Set(state.offsets.map(({ topic }) => topic))];
  const [topic, setTopic] = useState('');
  const [to, setTo] = useState('earliest');
  const [at, setAt] = useState('');
  const [preview, setPreview] = useState<{ reply: ResetReply | null; error: string | null }>();
  const chosen = topic === '' ? topics[0] : topic;
  if (chosen === undefined) return null;
  const target = to === 'offset' ? Number(at) : to === 'time' ? `@${new Date(at).getTime()}` : to;
  const isReady = (to !== 'offset' && to !== 'time') || at !== '';
  const send = (isDryRun: boolean): Promise<ResetReply> =>
    call('PUT', pathOf([namespace, 'groups', state.group, 'offsets']), {
      body: { topic: chosen, to: target, dry_run: isDryRun },
    });
  const look = (): void =>
    void send(true).then(
      (reply) => setPreview({ reply, error: null }),
      (error: unknown) => setPreview({ reply: null, error: wordsOf(error) }),
    );
  const changed = <Value,>(set: (value: Value) => void, value: Value): void => {
    set(value);
    setPreview(undefined);
  };
  return (
    <details class="section">
      <summary>Move its offsets</summary>
      <p class="empty">Its members have to be stopped first.</p>
      <div class="fields">
        <label>
          Topic
          <select value={chosen} onChange={(event) => changed(setTopic, event.currentTarget.value)}>
            {topics.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          To
          <select value={to} onChange={(event) => changed(setTo, event.currentTarget.value)}>
            <option value="earliest">the first record</option>
            <option value="latest">the end</option>
            <option value="offset">an offset</option>
            <option value="time">a time</option>
          </select>
        </label>
        {to === 'offset' && (
          <label>
            Offset
            <input
              inputMode="numeric"
              value={at}
              onInput={(event) => changed(setAt, event.currentTarget.value)}
            />
          </label>
        )}
        {to === 'time' && (
          <label>
            Time
            <input
              type="datetime-local"
              step="1"
              value={at}
              onInput={(event) => changed(setAt, event.currentTarget.value)}
            />
          </label>
        )}
      </div>
      <p class="buttons">
        <button type="button" disabled={!isReady} onClick={look}>
          Preview
        </button>
        {preview?.reply && (
          <Action
            isMain
            run={() =>
              send(false).then(({ offsets }) => {
                setPreview(undefined);
                onDone();
                return `${countText(offsets.length, 'offset')} moved.`;
              })
            }
          >
            Move {countText(preview.reply.offsets.length, 'offset')}
          </Action>
        )}
      </p>
      <div role="status">
        <Trouble error={preview?.error ?? null} />
        {preview?.reply && (
          <VirtualRows
            label="Preview"
            columns={['Partition', 'From', 'To', 'Reads again', 'Skips']}
            items={preview.reply.offsets}
            keyOf={({ topic: each, partition }) => `${each}/${partition}`}
            empty="There is nothing to move."
            cells={({ partition, from, to: next }) => [
              String(partition),
              from?.toLocaleString('en') ?? 'nothing',
              next?.toLocaleString('en') ?? 'nothing',
              from !== null && next !== null && next < from ? (from - next).toLocaleString('en') : '–',
              from !== null && next !== null && next > from ? (next - from).toLocaleString('en') : '–',
            ]}
          />
        )}
      </div>
    </details>
  );
}
