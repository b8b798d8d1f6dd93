/** Policies: settings for all queues whose names match a pattern. */

import type { PolicyList, PolicyReply } from '../../protocol/schemas/policies.ts';
import { call, pathOf } from '../data/api.ts';
import { useList } from '../data/lists.ts';
import { useLive } from '../data/live.ts';
import { DeleteAction } from '../parts/delete-action.tsx';
import { Pairs, Trouble } from '../parts/small-parts.tsx';
import { MadeForm } from '../parts/made-form.tsx';
import { RuleProgress } from '../parts/rule-progress.tsx';
import { SectionList } from '../parts/section-list.tsx';

const STATE_MS = 3_000;

interface Props {
  readonly namespace: string;
  readonly name: string | undefined;
}

export function PoliciesPage({ namespace, name }: Props) {
  const policies = useList<PolicyList['policies'][number]>(namespace, 'policies');
  return (
    <>
      <h1>Policies</h1>
      <SectionList
        section="policies"
        namespace={namespace}
        name={name}
        label="Policies"
        list={policies}
        nameOf={({ policy }) => policy}
        columns={['Policy', 'Queues', 'Priority', 'Settings']}
        cells={({ pattern, priority, definition }) => [
          <code>{pattern}</code>,
          String(priority),
          <code>{JSON.stringify(definition)}</code>,
        ]}
        empty="No policy yet. One sets limits, retries and dead letters of many queues at once."
      />
      {name !== undefined && (
        <PolicyView key={name} namespace={namespace} policy={name} onDeleted={policies.reload} />
      )}
      <MadeForm
        title="Put a policy"
        fields={[
          { name: 'policy', label: 'Name' },
          { name: 'pattern', label: 'Queues: * for any characters', value: '*' },
          { name: 'priority', label: 'Priority', value: '0' },
          { name: 'definition', label: 'Settings, as JSON', value: '{"max_length": 100000}', isLong: true },
        ]}
        run={async ({ policy, pattern, priority, definition }) => {
          const body = { pattern, priority: Number(priority), definition: JSON.parse(definition!) as object };
          await call('PUT', pathOf([namespace, 'policies', policy!]), { body });
          policies.reload();
          return 'It is on its way to the queues.';
        }}
      />
    </>
  );
}

interface ViewProps {
  readonly namespace: string;
  readonly policy: string;
  readonly onDeleted: () => void;
}

function PolicyView({ namespace, policy, onDeleted }: ViewProps) {
  const path = pathOf([namespace, 'policies', policy]);
  const { value, error } = useLive((signal) => call<PolicyReply>('GET', path, { signal }), STATE_MS, path);
  return (
    <>
      <h2>{policy}</h2>
      <Trouble error={error} />
      {value && (
        <>
          <RuleProgress progress={value.progress} />
          {value.warnings?.map((warning) => (
            <p class="bad">{warning}</p>
          ))}
          <Pairs
            of={Object.fromEntries(
              Object.entries(value.definition).map(([setting, each]) => [setting, JSON.stringify(each)]),
            )}
            label="Settings"
            empty=""
          />
          <p class="buttons">
            <DeleteAction
              section="policies"
              namespace={namespace}
              name={policy}
              warning={`The policy ${policy} is deleted. Its queues get what else applies.`}
              onDeleted={onDeleted}
            />
          </p>
        </>
      )}
    </>
  );
}
