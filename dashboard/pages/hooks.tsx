/** Hooks: addresses that store webhooks of other services. */

import type { HookList, HookReply } from '../../protocol/schemas/hooks.ts';
import { call, pathOf } from '../data/api.ts';
import { useList } from '../data/lists.ts';
import { useLive } from '../data/live.ts';
import { madeText } from '../data/words.ts';
import { DeleteAction } from '../parts/delete-action.tsx';
import { Pairs, Trouble } from '../parts/small-parts.tsx';
import { MadeForm } from '../parts/made-form.tsx';
import { SectionList } from '../parts/section-list.tsx';

const STATE_MS = 10_000;

interface Props {
  readonly namespace: string;
  readonly name: string | undefined;
}

export function HooksPage({ namespace, name }: Props) {
  const hooks = useList<HookList['hooks'][number]>(namespace, 'hooks');
  return (
    <>
      <h1>Hooks</h1>
      <SectionList
        section="hooks"
        namespace={namespace}
        name={name}
        label="Hooks"
        list={hooks}
        nameOf={({ hook }) => hook}
        columns={['Hook', 'Signed as', 'Stored in']}
        cells={({ scheme, target }) => [scheme, <code>{JSON.stringify(target)}</code>]}
        empty="No hook yet. One is an address that stores webhooks of another service."
      />
      {name !== undefined && (
        <HookView key={name} namespace={namespace} hook={name} onDeleted={hooks.reload} />
      )}
      <MadeForm
        title="Make a hook"
        fields={[
          { name: 'hook', label: 'Name' },
          { name: 'queue', label: 'Queue' },
          { name: 'scheme', label: 'Signed as', options: ['github', 'stripe', 'standard'] },
          { name: 'secret', label: 'Secret: empty for a new one' },
        ]}
        run={async ({ hook, queue, scheme, secret }) => {
          const body = { target: { queue }, scheme, ...(secret !== '' && { secret }) };
          const made = await call<HookReply>('PUT', pathOf([namespace, 'hooks', hook!]), { body });
          hooks.reload();
          return madeText(made.secret);
        }}
      />
    </>
  );
}

interface ViewProps {
  readonly namespace: string;
  readonly hook: string;
  readonly onDeleted: () => void;
}

function HookView({ namespace, hook, onDeleted }: ViewProps) {
  const path = pathOf([namespace, 'hooks', hook]);
  const { value, error } = useLive((signal) => call<HookReply>('GET', path, { signal }), STATE_MS, path);
  return (
    <>
      <h2>{hook}</h2>
      <Trouble error={error} />
      {value && (
        <>
          <Pairs
            of={{
              address: `${location.origin}${value.path}`,
              scheme: value.scheme,
              target: JSON.stringify(value.target),
              ...(value.signature && { signature: JSON.stringify(value.signature) }),
              tolerance_s: String(value.tolerance_s),
              headers: value.headers.join(', '),
              next_secret: value.has_next_secret ? 'there is one' : 'none',
            }}
            label="Settings"
            empty=""
          />
          <p class="buttons">
            <DeleteAction
              section="hooks"
              namespace={namespace}
              name={hook}
              warning={`The hook ${hook} is deleted. Its sender is refused from then on.`}
              onDeleted={onDeleted}
            />
          </p>
        </>
      )}
    </>
  );
}
