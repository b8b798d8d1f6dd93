import { describe, expect, it } from 'vitest';
import type { BindingDeclaration } from '../../../../core/exchange/binding.ts';
import type { Entry, NamedKind } from '../../../../core/topology/document/entries.ts';
import {
  bindingText,
  planDefinitions,
  type DefinitionDocument,
  type Plan,
  type PresentDefinitions,
} from '../../../../core/topology/document/plan.ts';
import { isFailure } from '../../../../protocol/errors.ts';
import { DEFINITIONS_ENTRIES_MAX, DEFINITIONS_STEPS_MAX } from '../../../../protocol/limits.ts';
import { TOPIC_DEFAULTS } from '../../../../protocol/schemas/topics.ts';

type Kept = Partial<Record<NamedKind, Record<string, Entry>>>;

const present = (kept: Kept, bound: readonly BindingDeclaration[] = []): PresentDefinitions => ({
  entry: (kind, name) => kept[kind]?.[name] ?? null,
  names: (kind) => Object.keys(kept[kind] ?? {}),
  hasBinding: (binding) => bound.some((other) => bindingText(other) === bindingText(binding)),
  bindings: () => bound,
});

const binding = (source: string, name: string, kind: 'queue' | 'exchange' = 'queue'): BindingDeclaration => ({
  source,
  destination: { kind, name },
  routing_key: '',
  arguments: {},
});
const entryOf = (declaration: BindingDeclaration): Entry => declaration as unknown as Entry;

const stepsOf = (document: DefinitionDocument, of: PresentDefinitions, isPruning = false): string[] => {
  const plan = planDefinitions(document, of, isPruning);
  if (isFailure(plan)) return [plan.code];
  return plan.steps.map(({ action, kind, name }) => `${action} ${kind} ${name}`);
};

describe('a plan', () => {
  it.each<[string, DefinitionDocument, Kept, string[]]>([
    ['nothing', {}, { queue: { a: {} } }, []],
    ['a new one', { queues: [{ queue: 'a' }] }, {}, ['create queue a']],
    ['the same', { queues: [{ queue: 'a' }] }, { queue: { a: {} } }, []],
    [
      'a left-out setting',
      { queues: [{ queue: 'a' }] },
      { queue: { a: { lease_ms: 1 } } },
      ['change queue a'],
    ],
    ['a default', { topics: [{ topic: 'a' }] }, { topic: { a: { ...TOPIC_DEFAULTS } } }, []],
    [
      'members in another order',
      { schedules: [{ schedule: 'a', target: { exchange: 'e', routing_key: 'k' } }] },
      { schedule: { a: { target: { routing_key: 'k', exchange: 'e' } } } },
      [],
    ],
  ])('of %s', (_, document, kept, steps) => {
    expect(stepsOf(document, present(kept))).toEqual(steps);
  });

  it('says what a field is and shall be, and nothing of secrets', () => {
    const kept = { hook: { s: { scheme: 'github', secret: 'a', next_secret: 'b' } } };
    const document = { hooks: [{ hook: 's', tolerance_s: 2, secret: 'c' }] };
    expect((planDefinitions(document, present(kept), false) as Plan).steps[0]!.fields).toEqual({
      scheme: { is: 'github' },
      tolerance_s: { wanted: 2 },
      secret: {},
    });
  });

  it('counts the entries that stay', () => {
    const document = { queues: [{ queue: 'a' }, { queue: 'b' }], bindings: [entryOf(binding('e', 'a'))] };
    const of = present({ queue: { a: {} } }, [binding('e', 'a')]);
    expect(planDefinitions(document, of, false)).toMatchObject({ unchanged: 2, steps: [{ name: 'b' }] });
  });

  it('deletes last, in the opposite order, and only kinds that the document has', () => {
    const kept = { queue: { a: {} }, exchange: { e: {} }, policy: { p: {} }, topic: { t: {} } };
    const document = { topics: [], exchanges: [{ exchange: 'new' }], bindings: [], policies: [] };
    expect(stepsOf(document, present(kept, [binding('e', 'a')]), true)).toEqual([
      'create exchange new',
      'delete policy p',
      'delete binding e -> queue a ""',
      'delete exchange e',
      'delete topic t',
    ]);
    expect(stepsOf(document, present(kept), false)).toEqual(['create exchange new']);
  });

  it('leaves the audit, and dead-letter queues that the broker makes for what stays', () => {
    const kept = {
      topic: { 'posthorn.audit': {} },
      queue: {
        a: {},
        'a.dlq': {},
        b: { dead_letter: 'none' },
        'b.dlq': {},
        'g.dlq': {},
        'posthorn.audit': {},
      },
      share_group: { g: {} },
    };
    const queues = [{ queue: 'a' }, { queue: 'b', dead_letter: 'none' }];
    expect(stepsOf({ topics: [], queues }, present(kept), true)).toEqual([
      'delete queue b.dlq',
      'delete queue posthorn.audit',
    ]);
  });
});

describe('a document is refused', () => {
  it.each<[string, DefinitionDocument, string]>([
    ['with a name that is there twice', { queues: [{ queue: 'a' }, { queue: 'a' }] }, 'invalid_field'],
    [
      'with a binding that is there twice',
      { bindings: [entryOf(binding('e', 'a')), entryOf(binding('e', 'a'))] },
      'invalid_field',
    ],
    [
      'that binds what it deletes',
      { queues: [], bindings: [entryOf(binding('amq.topic', 'a'))] },
      'invalid_field',
    ],
    [
      'that pushes what it deletes',
      {
        queues: [],
        subscriptions: [{ subscription: 's', source: { queue: 'a' }, target: { url: 'https://a.example' } }],
      },
      'invalid_field',
    ],
    [
      'that pushes to what it deletes',
      { queues: [], subscriptions: [{ subscription: 's', source: { topic: 't' }, target: { queue: 'a' } }] },
      'invalid_field',
    ],
    [
      'with too many entries',
      { queues: Array.from({ length: DEFINITIONS_ENTRIES_MAX + 1 }, (_, n) => ({ queue: `q${n}` })) },
      'definitions_too_large',
    ],
  ])('%s', (_, document, code) => {
    expect(stepsOf(document, present({ queue: { a: {} } }), true)).toEqual([code]);
  });

  it('that would delete too much', () => {
    const many = Array.from({ length: DEFINITIONS_STEPS_MAX + 1 }, (_, n) => binding('e', `q${n}`));
    expect(stepsOf({ bindings: [] }, present({}, many), true)).toEqual(['definitions_too_large']);
    expect(stepsOf({ bindings: [] }, present({}, many.slice(1)), true)).toHaveLength(DEFINITIONS_STEPS_MAX);
  });
});
