import { describe, expect, it } from 'vitest';
import { alertsFor, declareAlert, type AlertDefinition } from '../../../../core/topology/rules/alerts.ts';
import type { AlertDeclaration } from '../../../../protocol/schemas/alerts.ts';

const declaration: AlertDeclaration = {
  pattern: 'orders*',
  metric: 'depth',
  threshold: 10,
  for_ms: 5_000,
  webhook: { url: 'https://example.com/' },
};
const declare = (known: AlertDefinition | null, changes: Partial<AlertDeclaration> = {}, secret = 'new') =>
  declareAlert(known, 'backlog', { ...declaration, ...changes }, 9, secret);
const existing: AlertDefinition = { ...declare(null, {}, 'old').definition, id: 3, version: 4 };

describe('declaring an alert', () => {
  it('makes it, with a secret where none is given', () => {
    expect(declare(null)).toEqual({
      madeSecret: true,
      definition: {
        name: 'backlog',
        id: 9,
        version: 9,
        pattern: 'orders*',
        metric: 'depth',
        threshold: 10,
        forMs: 5_000,
        webhook: { url: 'https://example.com/', secret: 'new' },
      },
    });
    const webhook = { url: 'https://example.com/', secret: 'given' };
    expect(declare(null, { webhook })).toMatchObject({ madeSecret: false, definition: { webhook } });
  });

  it.each<[Partial<AlertDeclaration>, boolean, string]>([
    [{}, false, 'nothing changes, and the secret stays'],
    [{ webhook: { url: 'https://example.com/', secret: 'old' } }, false, 'nor with the same secret'],
    [{ threshold: 11 }, true, 'another threshold'],
    [{ pattern: '*' }, true, 'another pattern'],
    [{ webhook: { url: 'https://example.com/', secret: 'given' } }, true, 'another secret'],
    [{ webhook: { url: 'https://example.org/' } }, true, 'another address'],
  ])('again with %j changes it: %s, %s', (changes, isChanged) => {
    const { definition, madeSecret } = declare(existing, changes);
    expect([definition !== existing, madeSecret]).toEqual([isChanged, false]);
    if (isChanged) expect(definition).toMatchObject({ id: 3, version: 9 });
  });
});

it.each([
  ['orders', ['a', 'b']],
  ['orders.eu', ['a']],
  ['payments', []],
])('the queue %s keeps the rules %j', (queue, expected) => {
  const rules = [
    { ...existing, name: 'a' },
    { ...existing, name: 'b', pattern: 'orders' },
  ];
  const kept = alertsFor(rules, queue);
  expect(kept.map(({ name }) => name)).toEqual(expected);
  for (const rule of kept) expect(rule).not.toHaveProperty('pattern');
});
