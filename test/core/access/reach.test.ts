import { expect, it } from 'vitest';
import { needsOf, needsOfBindings, needsOfTarget } from '../../../core/access/reach.ts';

it.each([
  ['a queue', { queue: 'q' }, [{ kind: 'queue', name: 'q', action: 'write' }]],
  ['a topic', { topic: 't' }, [{ kind: 'topic', name: 't', action: 'write' }]],
  ['an exchange', { exchange: 'x' }, [{ kind: 'exchange', name: 'x', action: 'write' }]],
  ['the default exchange', { exchange: '' }, [{ kind: 'exchange', name: 'amq.default', action: 'write' }]],
  ['nothing', 'none' as const, []],
  ['what the broker chooses', null, []],
  ['what is not said', undefined, []],
])('sending to %s needs the right to write there', (_what, target, needs) => {
  expect(needsOfTarget(target)).toEqual(needs);
});

it('asks once for each name', () => {
  expect(needsOf('topic', ['a', 'b', 'a'], 'read')).toEqual([
    { kind: 'topic', name: 'a', action: 'read' },
    { kind: 'topic', name: 'b', action: 'read' },
  ]);
});

it('binding needs the right to manage both ends', () => {
  const needs = needsOfBindings([
    { source: 'x', destination: { kind: 'queue', name: 'q' } },
    { source: 'x', destination: { kind: 'exchange', name: '' } },
    { source: 'y', destination: { kind: 'topic', name: 't' } },
  ]);
  expect(needs.map(({ kind, name, action }) => `${kind}:${name}:${action}`).sort()).toEqual([
    'exchange:amq.default:manage',
    'exchange:x:manage',
    'exchange:y:manage',
    'queue:q:manage',
    'topic:t:manage',
  ]);
});
