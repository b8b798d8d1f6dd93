/** Every operation with every credential that does not do: refused, and nothing is changed. With exactly the scope: not refused. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { includesAction } from '../../../core/access/scopes.ts';
import { ACTIONS, RESOURCE_KINDS, SCOPES_OF_ROLE, type Scope } from '../../../protocol/access/scopes.ts';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import { JSON_TYPE } from '../../../protocol/headers/media-types.ts';
import { openApiDocument } from '../../../protocol/openapi.ts';
import { isUnchecked, type Unchecked } from '../../../protocol/operations/access-rule.ts';
import { operations, type AccessRule, type Operation } from '../../../protocol/operations/index.ts';
import { randomFrom } from '../../crash/random.ts';
import { valueOf, type Schema } from '../../fuzz/values/schema-values.ts';
import { LISTS, withoutCounts } from '../../support/definition-lists.ts';
import { basic, bearer, inTurns, LockedBroker, ROOT } from './support.ts';

const NAME = 'mails';
/** Those that a credential is for: what is signed has its own tests, in test/workers/events-in/hooks.test.ts. */
const ALL = (Object.values(operations) as Operation[]).filter(isByCredential);
const document = openApiDocument() as {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>;
};

type Rule = Exclude<AccessRule, Unchecked>;

function isByCredential(operation: Operation): operation is Operation & { access: Rule } {
  return !isUnchecked(operation.access);
}

let locked: LockedBroker;
/** What the refused requests would do something to. */
let victim: string;

beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('team');
  await locked.namespace('other');
  for (const kind of ['topics', 'queues', 'exchanges'])
    await locked.call('PUT', `/v1/team/${kind}/${NAME}`, {});
  victim = (await locked.token('team', { roles: ['viewer'] })).id;
});
afterAll(() => locked.broker.stop());

const pathOf = ({ path }: Operation): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    if (name === 'namespace') return 'team';
    if (name === 'partition') return '0';
    return name === 'token' ? victim : NAME;
  });

/** A body that the operation would take. */
function bodyOf({ path, method, id }: Operation): string | undefined {
  const schema = document.paths[path]![method]!.requestBody?.content[JSON_TYPE]?.schema;
  return schema && JSON.stringify(valueOf(schema, randomFrom(id.length), 0));
}

const others = (kind: Scope['kind']): Scope[] =>
  RESOURCE_KINDS.filter((other) => other !== kind).map((other) => ({
    kind: other,
    name: '*',
    actions: ACTIONS,
  }));

/** As many rights as one can have without the one that is needed; null if every right does. */
function allBut(rule: Rule): Scope[] | null {
  if (rule === 'root') return [{ kind: '*', name: '*', actions: ACTIONS }];
  const needed = 'some' in rule ? rule.some : rule.action;
  const actions = ACTIONS.filter((action) => !includesAction(action, needed));
  if ('some' in rule) return [{ kind: '*', name: '*', actions }];
  const scopes = [...others(rule.kind), { kind: rule.kind, name: '*', actions }];
  const alike = rule.name === '{namespace}' ? 'team' : NAME;
  for (const name of [`${alike}x`, `${alike}x*`, alike.slice(1), alike.toUpperCase(), 'another*'])
    scopes.push({ kind: rule.kind, name, actions: ACTIONS });
  return scopes;
}

/** Null: the root token. */
function exactly({ id, access }: Operation & { access: Rule }): readonly Scope[] | null {
  if (access === 'root') return null;
  // Whoever gives a token another secret has to have its rights; and an export has everything in it.
  const reached = id === 'rotateToken' || id === 'getDefinitions' ? SCOPES_OF_ROLE.viewer : [];
  if ('some' in access) return [{ kind: 'namespace', name: 'team', actions: [access.some] }, ...reached];
  const name = access.name === '*' ? '*' : access.name === '{namespace}' ? 'team' : NAME;
  return [{ kind: access.kind, name, actions: [access.action] }];
}

async function send(
  operation: Operation,
  headers: Record<string, string>,
  body: string | undefined,
): Promise<{ status: number; code: string; challenge: string | null }> {
  const request = {
    method: operation.method.toUpperCase(),
    headers: { ...(body !== undefined && { 'content-type': JSON_TYPE }), ...headers },
    ...(body !== undefined && { body }),
  };
  const url = `${locked.broker.url}${pathOf(operation)}`;
  // A kept connection ends after a refusal that left the body unread; the next request on it is sent again.
  const response = await fetch(url, request).catch(() => fetch(url, request));
  const text = await response.text();
  const { code } = (text.startsWith('{') ? JSON.parse(text) : {}) as Partial<ProblemDocument>;
  return { status: response.status, code: code ?? '', challenge: response.headers.get('www-authenticate') };
}

async function everything(): Promise<unknown> {
  const paths = ['team', 'other'].flatMap((namespace) => LISTS.map((kind) => `/v1/${namespace}/${kind}`));
  const found = await Promise.all(
    [...paths, '/admin/v1/namespaces', `/admin/v1/tokens/${victim}`].map((path) => locked.call('GET', path)),
  );
  return withoutCounts(found.map(({ body }) => body));
}

it('every operation names what it needs', () => {
  for (const { id, access } of ALL) expect(access, id).toBeDefined();
});

describe('every operation refuses', { timeout: 120_000 }, () => {
  let before: unknown;
  let bad: [string, Record<string, string>][];

  beforeAll(async () => {
    const admin = { roles: ['admin'] as const };
    const [revoked, expired, good] = [
      await locked.token('team', admin),
      await locked.token('team', { ...admin, expires_at: Date.now() + 60_000 }),
      await locked.token('team', admin),
    ];
    await locked.call('DELETE', `/admin/v1/tokens/${revoked.id}`);
    await locked.broker.advance(61_000);
    const flipped = good.token.slice(0, -1) + (good.token.endsWith('0') ? '1' : '0');
    const wrong: [string, string][] = [
      ['a text', 'wrong'],
      ['the root token in another case', ROOT.toUpperCase()],
      ['the beginning of the root token', ROOT.slice(0, -1)],
      ['a token with another checksum', flipped],
      ['a token cut short', good.token.slice(0, -1)],
      ['the id of a token', good.id],
      ['a token that nobody made', 'ph_0000000000000000_0000000000000000000000000000000000000000' + '1Nf5Vb'],
      ['one that was revoked', revoked.token],
      ['one that has expired', expired.token],
    ];
    bad = [
      ['none', {}],
      ['an empty one', { authorization: '' }],
      ['a scheme alone', { authorization: 'Bearer' }],
      ['another scheme', { authorization: `Digest ${good.token}` }],
      ['two', { authorization: `Bearer ${good.token} ${good.token}` }],
      ['basic that is no base64', { authorization: 'Basic %%%' }],
      ...wrong.flatMap(([what, text]): typeof bad => [
        [what, bearer(text)],
        [`${what}, as a password`, basic(text)],
      ]),
    ];
    before = await everything();
  });

  it('what is no credential', async () => {
    const cases = ALL.flatMap((operation) => bad.map(([what, headers]) => ({ operation, what, headers })));
    expect(cases.length).toBeGreaterThan(2_000);
    const wrong: string[] = [];
    await inTurns(cases, async ({ operation, what, headers }) => {
      const { status, code, challenge } = await send(operation, headers, bodyOf(operation));
      if (status !== 401 || code !== 'unauthenticated' || !challenge?.startsWith('Bearer'))
        wrong.push(`${operation.id} with ${what}: ${status} ${code}`);
    });
    expect(wrong).toEqual([]);
  });

  it('a token of another namespace, and one without the scope', async () => {
    const elsewhere = bearer((await locked.token('other', { roles: ['admin'] })).token);
    const without = new Map<string, Record<string, string>>();
    for (const { access } of ALL) {
      const scopes = allBut(access)!;
      const key = JSON.stringify(scopes);
      if (!without.has(key)) without.set(key, bearer((await locked.token('team', { scopes })).token));
    }
    const wrong: string[] = [];
    await inTurns(ALL, async (operation) => {
      const body = bodyOf(operation);
      const lacking = await send(operation, without.get(JSON.stringify(allBut(operation.access)))!, body);
      if (lacking.status !== 403 || lacking.code !== 'forbidden')
        wrong.push(`${operation.id} without the scope: ${lacking.status} ${lacking.code}`);
      if (!operation.path.includes('{namespace}')) return;
      const foreign = await send(operation, elsewhere, body);
      if (foreign.status !== 403 || foreign.code !== 'forbidden')
        wrong.push(`${operation.id} of another namespace: ${foreign.status} ${foreign.code}`);
    });
    expect(wrong).toEqual([]);
  });

  it('and nothing is changed', async () => {
    expect(await everything()).toEqual(before);
  });
});

it('every operation accepts a token with exactly its scope', { timeout: 120_000 }, async () => {
  const wrong: string[] = [];
  const known = new Map<string, Record<string, string>>();
  for (const operation of ALL) {
    const scopes = exactly(operation);
    const key = JSON.stringify(scopes);
    if (!known.has(key))
      known.set(key, bearer(scopes ? (await locked.token('team', { scopes })).token : ROOT));
    const { status, code } = await send(operation, known.get(key)!, operation.body && '{}');
    if (status === 401 || status === 403) wrong.push(`${operation.id}: ${status} ${code}`);
  }
  expect(wrong).toEqual([]);
});
