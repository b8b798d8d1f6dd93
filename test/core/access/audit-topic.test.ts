import { expect, it } from 'vitest';
import { AUDIT_TOPIC, isKeptFromOthers } from '../../../core/access/audit-topic.ts';
import { ACTIONS } from '../../../protocol/access/scopes.ts';

it.each(ACTIONS)('the audit topic can only be looked at and read: %s', (action) => {
  expect(isKeptFromOthers('topic', AUDIT_TOPIC, action)).toBe(action !== 'view' && action !== 'read');
});

it.each([
  ['another topic', 'topic', `${AUDIT_TOPIC}.mine`],
  ['a queue of its name', 'queue', AUDIT_TOPIC],
])('%s is for everybody', (_, kind, name) => {
  expect(isKeptFromOthers(kind, name, 'manage')).toBe(false);
});
