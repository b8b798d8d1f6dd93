/** Access: the tokens of a namespace, its namespaces, and who has changed what. */

import type { NamespaceList } from '../../protocol/schemas/namespaces.ts';
import type { FetchReply } from '../../protocol/schemas/records.ts';
import type { PartitionState } from '../../protocol/schemas/topics.ts';
import type { TokenList, TokenMade, TokenReply } from '../../protocol/schemas/tokens.ts';
import { call, callAdmin, pathOf } from '../data/api.ts';
import { lineOf } from '../data/body.ts';
import { loadPages, useLive } from '../data/live.ts';
import { timeText } from '../data/words.ts';
import { Action } from '../parts/action.tsx';
import { Pairs, Trouble } from '../parts/small-parts.tsx';
import { MadeForm } from '../parts/made-form.tsx';
import { SectionList } from '../parts/section-list.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { hrefOf } from '../route.ts';

const TOKENS_MAX = 10_000;
const TOKENS_MS = 10_000;
const AUDIT_SHOWN = 200;
const ROLES = ['producer', 'consumer', 'operator', 'admin', 'viewer', 'metrics'];

interface Props {
  readonly namespace: string;
  /** The id of a token. */
  readonly name: string | undefined;
}

export function AccessPage({ namespace, name }: Props) {
  const tokens = useLive(
    (signal) =>
      loadPages(
        (after) => callAdmin<TokenList>('GET', pathOf(['tokens'], { namespace, after }), { signal }),
        (page) => page.tokens,
        TOKENS_MAX,
      ),
    TOKENS_MS,
    namespace,
  );
  const chosen = tokens.value?.find(({ id }) => id === name);
  return (
    <>
      <h1>Access</h1>
      <h2>Tokens</h2>
      <SectionList
        section="access"
        namespace={namespace}
        name={name}
        label="Tokens"
        list={tokens}
        nameOf={({ id }) => id}
        columns={['Id', 'Name', 'Roles', 'Last used', 'State']}
        cells={(token) => [
          token.name,
          token.roles.join(', ') || 'scopes',
          token.last_used_at === null ? 'never' : timeText(token.last_used_at),
          stateOf(token),
        ]}
        empty="No token yet. Each program should have one, with the rights that it needs."
      />
      {chosen && <TokenView key={chosen.id} token={chosen} onChanged={tokens.reload} />}
      <MadeForm
        title="Make a token"
        fields={[
          { name: 'name', label: 'Name' },
          { name: 'role', label: 'Role', options: ROLES },
        ]}
        run={async ({ name: given, role }) => {
          const made = await callAdmin<TokenMade>('POST', 'tokens', {
            body: { name: given, namespace, roles: [role] },
          });
          tokens.reload();
          return `It is made. Its secret, shown only now: ${made.token}`;
        }}
      />
      <Namespaces namespace={namespace} />
      <Audit namespace={namespace} />
    </>
  );
}

function stateOf({ revoked_at: revoked, expires_at: expires }: TokenReply): string {
  if (revoked !== null) return 'revoked';
  if (expires !== null && expires < Date.now()) return 'expired';
  return expires === null ? 'good' : `until ${timeText(expires)}`;
}

function TokenView({ token, onChanged }: { token: TokenReply; onChanged: () => void }) {
  const { id } = token;
  return (
    <>
      <h3>{token.name}</h3>
      <Pairs
        of={{
          id,
          rights: token.scopes.map(({ kind, name, actions }) => `${kind} ${name}: ${actions.join(', ')}`),
          made: `${timeText(token.created_at)} by ${token.created_by}`,
          rotated: timeText(token.rotated_at),
          revoked: timeText(token.revoked_at),
        }}
        label="Token"
        empty=""
      />
      {token.revoked_at === null && (
        <p class="buttons secret">
          <Action
            run={() =>
              callAdmin<TokenMade>('POST', pathOf(['tokens', id, 'rotate']), { body: {} }).then(
                ({ token: secret }) => {
                  onChanged();
                  return `The former secret is good for a day. The new one, shown only now: ${secret}`;
                },
              )
            }
          >
            Rotate
          </Action>
          <Action
            confirm={{
              name: token.name,
              warning: `Whoever uses the token ${token.name} is refused from now on.`,
            }}
            run={() =>
              callAdmin('DELETE', pathOf(['tokens', id])).then(() => {
                onChanged();
                return 'It is revoked.';
              })
            }
          >
            Revoke
          </Action>
        </p>
      )}
    </>
  );
}

function Namespaces({ namespace }: { namespace: string }) {
  const { value, error } = useLive(
    (signal) =>
      loadPages(
        (after) => callAdmin<NamespaceList>('GET', pathOf(['namespaces'], { after }), { signal }),
        (page) => page.namespaces,
        TOKENS_MAX,
      ),
    0,
    namespace,
  );
  return (
    <section aria-labelledby="namespaces">
      <h2 id="namespaces">Namespaces</h2>
      <Trouble error={error} />
      {value && (
        <VirtualRows
          label="Namespaces"
          columns={['Namespace', 'State', 'Made']}
          items={value}
          keyOf={(each) => each.namespace}
          empty="No namespace."
          cells={(each) => [
            <a href={hrefOf({ page: 'home', namespace: each.namespace })}>{each.namespace}</a>,
            each.state,
            each.created_at === 0 ? 'from the start' : timeText(each.created_at),
          ]}
        />
      )}
    </section>
  );
}

interface AuditRecord {
  readonly kind: string;
  readonly at?: number;
  readonly from_at?: number;
  readonly operation?: string;
  readonly path?: string;
  readonly status?: number;
  readonly by?: { readonly name?: string; readonly kind: string };
}

function Audit({ namespace }: { namespace: string }) {
  const { value, error } = useLive((signal) => loadAudit(namespace, signal), TOKENS_MS, `audit ${namespace}`);
  return (
    <section aria-labelledby="audit">
      <h2 id="audit">
        Audit <small>the latest {AUDIT_SHOWN}</small>
      </h2>
      <Trouble error={error} />
      {value && (
        <VirtualRows
          label="Audit"
          columns={['What', 'Who', 'When', 'Status']}
          items={value}
          keyOf={({ offset }) => String(offset)}
          empty="No change is kept. A broker without a root token keeps none."
          cells={({ record }) => [
            record.kind === 'change' ? `${record.operation} ${record.path}` : lineOf(record),
            record.by?.name ?? record.by?.kind ?? '–',
            timeText(record.at ?? record.from_at ?? null),
            record.status === undefined ? '–' : String(record.status),
          ]}
        />
      )}
    </section>
  );
}

/** The latest first. */
async function loadAudit(
  namespace: string,
  signal: AbortSignal,
): Promise<{ offset: number; record: AuditRecord }[]> {
  const names = [namespace, 'topics', 'posthorn.audit', 'partitions', '0'];
  const state = await call<PartitionState>('GET', pathOf(names), { signal }).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'topic_not_found') return null;
    throw error;
  });
  if (state === null) return [];
  const offset = Math.max(state.log_start_offset, state.high_watermark - AUDIT_SHOWN);
  const query = { offset, max_records: AUDIT_SHOWN };
  const { records } = await call<FetchReply>('GET', pathOf([...names, 'records'], query), { signal });
  return records
    .map(({ offset: at, value }) => ({ offset: at, record: (value ?? {}) as unknown as AuditRecord }))
    .reverse();
}
