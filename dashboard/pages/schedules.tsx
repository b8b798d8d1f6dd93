/** Schedules: when each publishes next, what came of the last time, and what can be done with it. */

import type {
  ScheduleList,
  ScheduleTarget,
  ScheduleTriggered,
  ScheduleWithStateReply,
} from '../../protocol/schemas/schedules.ts';
import { call, pathOf } from '../data/api.ts';
import { useList } from '../data/lists.ts';
import { useLive } from '../data/live.ts';
import { timeText } from '../data/words.ts';
import { Action } from '../parts/action.tsx';
import { DeleteAction } from '../parts/delete-action.tsx';
import { BodyView } from '../parts/body-view.tsx';
import { Figures, Pairs, Trouble } from '../parts/small-parts.tsx';
import { SectionList } from '../parts/section-list.tsx';
import { DestinationLink } from './routing.tsx';

const STATE_MS = 3_000;

interface Props {
  readonly namespace: string;
  readonly name: string | undefined;
}

export function SchedulesPage({ namespace, name }: Props) {
  const schedules = useList<ScheduleList['schedules'][number]>(namespace, 'schedules');
  return (
    <>
      <h1>Schedules</h1>
      <SectionList
        section="schedules"
        namespace={namespace}
        name={name}
        label="Schedules"
        list={schedules}
        nameOf={({ schedule }) => schedule}
        columns={['Schedule', 'Times', 'Time zone', 'Target', 'State']}
        cells={({ cron, time_zone: zone, target, is_paused: isPaused }) => [
          <code>{cron}</code>,
          zone,
          <Target namespace={namespace} target={target} />,
          isPaused ? 'paused' : 'on',
        ]}
        empty="No schedule yet. `posthorn schedules create` makes one."
      />
      {name !== undefined && (
        <ScheduleView key={name} namespace={namespace} schedule={name} onChanged={schedules.reload} />
      )}
    </>
  );
}

function Target({ namespace, target }: { namespace: string; target: ScheduleTarget }) {
  if ('queue' in target) return <DestinationLink namespace={namespace} kind="queue" name={target.queue} />;
  if ('topic' in target) return <DestinationLink namespace={namespace} kind="topic" name={target.topic} />;
  return (
    <>
      <DestinationLink namespace={namespace} kind="exchange" name={target.exchange} />
      {target.routing_key !== '' && ` with ${target.routing_key}`}
    </>
  );
}

interface ViewProps {
  readonly namespace: string;
  readonly schedule: string;
  readonly onChanged: () => void;
}

function ScheduleView({ namespace, schedule, onChanged }: ViewProps) {
  const path = (...more: string[]): string => pathOf([namespace, 'schedules', schedule, ...more]);
  const { value, error, reload } = useLive(
    (signal) => call<ScheduleWithStateReply>('GET', path(), { signal }),
    STATE_MS,
    path(),
  );
  const changed = (said: string): string => {
    reload();
    onChanged();
    return said;
  };
  const last = value?.state.last;
  return (
    <>
      <h2>{schedule}</h2>
      <Trouble error={error} />
      {value && (
        <>
          <Figures
            figures={[
              [
                'Next',
                value.state.next === null
                  ? value.is_paused
                    ? 'paused'
                    : 'never'
                  : timeText(value.state.next),
              ],
              ['Last', last === null || last === undefined ? '–' : `${last.outcome}, ${timeText(last.at)}`],
              ['Waits to be published', value.state.pending.toLocaleString('en')],
            ]}
          />
          {last?.detail !== undefined && <p class="bad">{last.detail}</p>}
          <p class="buttons">
            {value.is_paused ? (
              <Action
                key="resume"
                run={() => call('POST', path('resume')).then(() => changed('It goes on.'))}
              >
                Resume
              </Action>
            ) : (
              <Action
                key="pause"
                run={() => call('POST', path('pause')).then(() => changed('It is paused.'))}
              >
                Pause
              </Action>
            )}
            <Action
              run={() =>
                call<ScheduleTriggered>('POST', path('trigger')).then(({ outcome, detail }) =>
                  changed(detail === undefined ? `It is ${outcome}.` : `It is ${outcome}: ${detail}`),
                )
              }
            >
              Publish now
            </Action>
            <DeleteAction
              section="schedules"
              namespace={namespace}
              name={schedule}
              warning={`The schedule ${schedule} is deleted, and publishes nothing more.`}
              onDeleted={onChanged}
            />
          </p>
          <h3>Message</h3>
          <BodyView value={value.message.body} label="Body" />
          <Pairs of={value.message.headers} label="Headers" empty="No headers." />
          <h3>Settings</h3>
          <Pairs
            of={{
              times: value.cron,
              time_zone: value.time_zone,
              catch_up: value.catch_up,
              ends: timeText(value.ends_at),
            }}
            label="Settings"
            empty=""
          />
        </>
      )}
    </>
  );
}
