/** What headers say of a signature, and what is wrong with them. */

import { describe, expect, it } from 'vitest';
import { readSignature, type HookConfig } from '../../../core/hooks/signature-parts.ts';
import { hookSignatureSchema } from '../../../protocol/schemas/hooks.ts';

const NOW_MS = 1_000_000_000;
const TIME = String(NOW_MS / 1_000);

function read(config: Partial<HookConfig>, headers: Record<string, string>) {
  return readSignature(
    { scheme: 'github', tolerance_s: 300, ...config },
    (name) => headers[name.toLowerCase()],
    NOW_MS,
  );
}

const hmac = (signature: object): Partial<HookConfig> => ({
  scheme: 'hmac',
  signature: hookSignatureSchema.parse({ header: 'X-Sig', ...signature }),
});

describe('headers', () => {
  it.each([
    ['github', {}, { 'x-hub-signature-256': 'sha256=0aFF' }, [[10, 255]], '', ''],
    ['stripe', {}, { 'stripe-signature': `t=${TIME}, v1=01,v1=02,v0=03` }, [[1], [2]], `${TIME}.`, ''],
    [
      'standard',
      {},
      { 'webhook-id': 'm', 'webhook-timestamp': TIME, 'webhook-signature': 'v1,AQ== v1a,Ag== v1,Aw==' },
      [[1], [3]],
      `m.${TIME}.`,
      '',
    ],
    [
      'standard',
      {},
      { 'webhook-id': 'm', 'webhook-timestamp': TIME, 'webhook-signature': 'v1,AQ==, v1,Ag==, v1a,Aw==' },
      [[1], [2]],
      `m.${TIME}.`,
      '',
    ],
    [
      'hmac',
      hmac({ signed: 'v0:{timestamp}:{body}:{id}', timestamp_header: 'x-time', id_header: 'x-id' }),
      { 'x-sig': '01', 'x-time': TIME, 'x-id': '{body}$&' },
      [[1]],
      `v0:${TIME}:`,
      ':{body}$&',
    ],
    ['hmac', hmac({ encoding: 'base64', prefix: 'a=' }), { 'x-sig': 'a=AQI=' }, [[1, 2]], '', ''],
  ] as const)('of %s say what is signed: %#', (scheme, config, headers, signatures, before, after) => {
    const parts = read({ scheme, ...config }, headers);
    expect(parts).toMatchObject({ before, after });
    expect(typeof parts === 'object' && parts.signatures.map((one) => [...one])).toEqual(signatures);
  });

  it.each([
    ['github', {}, {}, 'header x-hub-signature-256 is missing'],
    ['github', {}, { 'x-hub-signature-256': '' }, 'is missing'],
    ['github', {}, { 'x-hub-signature-256': 'a'.repeat(5_000) }, 'is missing'],
    ['github', {}, { 'x-hub-signature-256': 'sha1=00' }, 'does not begin with "sha256="'],
    ['github', {}, { 'x-hub-signature-256': 'sha256=0' }, 'has no signature in hex'],
    ['stripe', {}, {}, 'header stripe-signature is missing'],
    ['stripe', {}, { 'stripe-signature': 'v1=00' }, 'the time of sending is missing'],
    ['stripe', {}, { 'stripe-signature': 't=-1,v1=00' }, 'the time of sending is missing'],
    ['stripe', {}, { 'stripe-signature': `t=${TIME}` }, 'has no signature v1'],
    ['stripe', {}, { 'stripe-signature': `t=${Number(TIME) - 301},v1=00` }, 'more than 300 s from now'],
    ['stripe', {}, { 'stripe-signature': `t=${Number(TIME) + 301},v1=00` }, 'more than 300 s from now'],
    ['standard', {}, {}, 'header webhook-signature is missing'],
    ['standard', {}, { 'webhook-signature': 'v1,AQ==' }, 'header webhook-id is missing'],
    ['standard', {}, { 'webhook-signature': 'v1,AQ==', 'webhook-id': 'm' }, 'the time of sending is missing'],
    [
      'standard',
      {},
      { 'webhook-signature': 'v2,AQ==', 'webhook-id': 'm', 'webhook-timestamp': TIME },
      'has no signature v1',
    ],
    ['hmac', hmac({ encoding: 'base64' }), { 'x-sig': '%' }, 'has no signature in base64'],
    ['hmac', hmac({ encoding: 'base64' }), { 'x-sig': 'AAAAA' }, 'has no signature in base64'],
    ['hmac', hmac({ signed: '{id}{body}', id_header: 'x-id' }), { 'x-sig': '00' }, 'header x-id is missing'],
    [
      'hmac',
      hmac({ signed: '{timestamp}{body}', timestamp_header: 'x-time' }),
      { 'x-sig': '00', 'x-time': 'now' },
      'the time of sending is missing, or no number of seconds',
    ],
  ] as const)('that are wrong are told in words: %#', (scheme, config, headers, why) => {
    expect(read({ scheme, ...config }, headers)).toContain(why);
  });

  it('need no id that is not signed', () => {
    expect(read(hmac({ id_header: 'x-id' }), { 'x-sig': '00' })).toMatchObject({ before: '', after: '' });
  });
});
