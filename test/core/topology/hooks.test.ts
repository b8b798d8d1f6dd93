import { describe, expect, it } from 'vitest';
import { declareHook, hookProblem, type HookDefinition } from '../../../core/topology/hooks.ts';
import { hookDeclarationSchema, type HookDeclaration } from '../../../protocol/schemas/hooks.ts';

const declaration = (fields: object = {}): HookDeclaration =>
  hookDeclarationSchema.parse({ target: { queue: 'jobs' }, scheme: 'github', ...fields });
const declare = (fields: object = {}, existing: HookDefinition | null = null, version = 7) =>
  declareHook(existing, 'repo', declaration(fields), version, 'new secret');

describe('a declaration', () => {
  it('makes a hook with a secret of its own', () => {
    const { definition, madeSecret } = declare();
    expect(definition).toMatchObject({ name: 'repo', version: 7, secret: 'new secret', nextSecret: null });
    expect(definition.config).not.toHaveProperty('secret');
    expect(madeSecret).toBe(true);
    expect(declare({ secret: 'a given one' }).madeSecret).toBe(false);
  });

  it('changes nothing if it says the same', () => {
    const existing = declare().definition;
    expect(declare({}, existing, 9).definition).toBe(existing);
  });

  it('keeps the secrets that it leaves out, and removes the next one that it says is null', () => {
    const existing = declare({ secret: 'the first', next_secret: 'the second' }).definition;
    const kept = declare({ tolerance_s: 5 }, existing, 9).definition;
    expect(kept).toMatchObject({ version: 9, secret: 'the first', nextSecret: 'the second' });
    expect(declare({ next_secret: null }, existing, 9).definition.nextSecret).toBeNull();
  });
});

describe('a declaration is wrong', () => {
  const standard = (secret: string): object => ({ scheme: 'standard', secret });
  const hmac = (signature: object): object => ({
    scheme: 'hmac',
    signature: { header: 'x-sig', ...signature },
  });

  it.each([
    [{}, null],
    [standard(`whsec_${'A'.repeat(32)}`), null],
    [standard('not so, but long'), 'invalid_field'],
    [standard('whsec_AAAAA'), 'invalid_field'],
    [{ scheme: 'standard', next_secret: 'no base64' }, 'invalid_field'],
    [{ scheme: 'hmac' }, 'invalid_field'],
    [{ signature: { header: 'x' } }, 'invalid_field'],
    [hmac({}), null],
    [hmac({ signed: '{timestamp}.{body}' }), 'invalid_field'],
    [hmac({ signed: '{id}.{body}' }), 'invalid_field'],
    [hmac({ timestamp_header: 'x-time' }), 'invalid_field'],
    [hmac({ timestamp_header: 'x-time', signed: '{timestamp}.{body}', id_header: 'x-id' }), null],
  ])('where the schema cannot say so: %j', (fields, code) => {
    expect(hookProblem(declaration(fields), null)?.code ?? null).toBe(code);
  });

  it.each([
    [{}, 'body secret'],
    [{ secret: `whsec_${'A'.repeat(32)}` }, 'body next_secret'],
    [{ secret: `whsec_${'A'.repeat(32)}`, next_secret: null }, null],
  ])('where a secret that stays is none of its scheme: %j', (fields, why) => {
    const existing = declare({ secret: 'the first', next_secret: 'the second' }).definition;
    const problem = hookProblem(declaration({ scheme: 'standard', ...fields }), existing);
    expect(problem?.message.split(':')[0] ?? null).toBe(why);
  });
});
