/** Verifiers of SCRAM: by the example of RFC 7677, and by an implementation of its own for SHA-512. */

import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { answerProof, keysOf, verifierOf } from '../../../../workers/access/login/scram-verifier.ts';

const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ==';
const NONCE = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const SIGNED = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${NONCE},s=${SALT},i=4096,c=biws,r=${NONCE}`;
const PROOF = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';

beforeAll(() => {
  Object.assign(crypto.subtle, { timingSafeEqual });
});

describe('SCRAM-SHA-256', () => {
  it('takes the proof of RFC 7677, and answers as it says', async () => {
    const keys = await keysOf('SCRAM-SHA-256', 'pencil', SALT, 4_096);
    expect(keys).toEqual({
      storedKey: 'WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=',
      serverKey: 'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    });
    expect(await answerProof('SCRAM-SHA-256', keys, SIGNED, PROOF)).toBe(
      '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    );
  });

  it.each([
    ['of another exchange', `${SIGNED}x`, PROOF],
    ['with another bit', SIGNED, `e${PROOF.slice(1)}`],
    ['that is too short', SIGNED, PROOF.slice(0, 40)],
    ['that is empty', SIGNED, ''],
  ])('takes no proof %s', async (_, signed, proof) => {
    const keys = await keysOf('SCRAM-SHA-256', 'pencil', SALT, 4_096);
    expect(await answerProof('SCRAM-SHA-256', keys, signed, proof)).toBeNull();
  });
});

it.each([
  ['SCRAM-SHA-256', 'sha256', 32],
  ['SCRAM-SHA-512', 'sha512', 64],
] as const)('%s: the verifier of a token takes the proof of who knows it', async (mechanism, hash, bytes) => {
  const secret = 'ph_0123456789abcdef_secret';
  const { salt, iterations, keys } = await verifierOf(secret, SALT);
  const salted = pbkdf2Sync(secret, Buffer.from(salt, 'base64'), iterations, bytes, hash);
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const clientKey = hmac(salted, 'Client Key');
  const signature = hmac(createHash(hash).update(clientKey).digest(), SIGNED);
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!)).toString('base64');
  const answer = hmac(hmac(salted, 'Server Key'), SIGNED).toString('base64');
  expect(await answerProof(mechanism, keys[mechanism], SIGNED, proof)).toBe(answer);
});
