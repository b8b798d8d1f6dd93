/** Messages of SCRAM: which are taken, and what they say. */

import { describe, expect, it } from 'vitest';
import {
  loginOfUser,
  readClientFinal,
  readClientFirst,
  serverFirst,
  signedText,
} from '../../../../core/access/login/scram.ts';

describe('the first message of a client', () => {
  it.each([
    ['n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL', 'n,,', 'user', 'fyko+d2lbbFgONRv9qkxdawL'],
    ['y,,n=user,r=abc', 'y,,', 'user', 'abc'],
    ['n,,n=a=2Cb=3Dc,r=x!~', 'n,,', 'a,b=c', 'x!~'],
    ['n,,n=user,r=abc,x=more', 'n,,', 'user', 'abc'],
  ])('is read: %s', (text, header, user, nonce) => {
    expect(readClientFirst(text)).toEqual({ header, bare: text.slice(3), user, nonce });
  });

  it.each([
    ['channel binding', 'p=tls-unique,,n=user,r=abc'],
    ['another user', 'n,a=other,n=user,r=abc'],
    ['a duty that is not known', 'n,,m=x,n=user,r=abc'],
    ['no user', 'n,,n=,r=abc'],
    ['no nonce', 'n,,n=user,r='],
    ['a nonce with a space', 'n,,n=user,r=a c'],
    ['a user with = as it is', 'n,,n=a=b,r=abc'],
    ['a login by a delegation token', 'n,,n=user,r=abc,tokenauth=true'],
    ['nothing', ''],
    ['a PLAIN message', '\0user\0password'],
  ])('is refused with %s', (_, text) => {
    expect(readClientFirst(text)).toBeNull();
  });
});

describe('the last message of a client', () => {
  const first = readClientFirst('n,,n=user,r=abc')!;

  it('is read, with what is signed', () => {
    const final = readClientFinal('c=biws,r=abcdef,p=AAAA', first)!;
    expect(final).toEqual({ nonce: 'abcdef', withoutProof: 'c=biws,r=abcdef', proof: 'AAAA' });
    const text = serverFirst('abcdef', { salt: 'QSXCR+Q6sek8bf92', iterations: 4_096 });
    expect(signedText(first, text, final)).toBe(
      'n=user,r=abc,r=abcdef,s=QSXCR+Q6sek8bf92,i=4096,c=biws,r=abcdef',
    );
  });

  it.each([
    ['of another header', 'c=eSws,r=abcdef,p=AAAA'],
    ['without a proof', 'c=biws,r=abcdef'],
    ['with something after the proof', 'c=biws,r=abcdef,p=AAAA,x=1'],
    ['whose proof is no base64', 'c=biws,r=abcdef,p=A*AA'],
    ['whose proof is cut off', 'c=biws,r=abcdef,p=AAAAA'],
  ])('is refused: one %s', (_, text) => {
    expect(readClientFinal(text, first)).toBeNull();
  });
});

it('a user names a token, and perhaps its namespace', () => {
  expect(loginOfUser('0123456789abcdef')).toEqual({ id: '0123456789abcdef', namespace: null });
  expect(loginOfUser('team/0123456789abcdef')).toEqual({ id: '0123456789abcdef', namespace: 'team' });
});
