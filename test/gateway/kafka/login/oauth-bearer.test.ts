/** Messages of OAUTHBEARER, as RFC 7628 has them and as clients send them. */

import { describe, expect, it } from 'vitest';
import { bearerCredential, endOfToken } from '../../../../gateway/kafka/login/oauth-bearer.ts';

const read = (text: string): unknown => bearerCredential(new TextEncoder().encode(text), 'default');

describe('the message of OAUTHBEARER', () => {
  it.each([
    ['without a user', 'n,,\x01auth=Bearer abc\x01\x01', { namespace: 'default', token: 'abc' }],
    ['with a user', 'n,a=me,\x01auth=Bearer abc\x01\x01', { namespace: 'default', token: 'abc' }],
    ['of a namespace', 'n,a=team/me,\x01auth=Bearer a.b.c\x01\x01', { namespace: 'team', token: 'a.b.c' }],
    [
      'with the namespace as an extension',
      'n,,\x01auth=bearer abc\x01namespace=team\x01\x01',
      { namespace: 'team', token: 'abc' },
    ],
    [
      'with a host and a port',
      'n,,\x01host=kafka\x01port=9092\x01auth=Bearer abc\x01\x01',
      { namespace: 'default', token: 'abc' },
    ],
  ])('%s is read', (_, text, credential) => {
    expect(read(text)).toEqual(credential);
  });

  it.each([
    ['', ''],
    ['no field', 'n,,\x01\x01'],
    ['another scheme', 'n,,\x01auth=Basic abc\x01\x01'],
    ['no token', 'n,,\x01auth=Bearer \x01\x01'],
    ['no namespace that could be', 'n,a=../me,\x01auth=Bearer abc\x01\x01'],
    ['channel binding', 'p=tls-unique,,\x01auth=Bearer abc\x01\x01'],
    ['no end', 'n,,\x01auth=Bearer abc'],
    ['the message of PLAIN', '\0me\0abc'],
  ])('with %s is refused', (_, text) => {
    expect(read(text)).toBe(null);
  });
});

describe('the end of a token', () => {
  const jwt = (claims: string): string => `e30.${Buffer.from(claims).toString('base64url')}.sig`;

  it.each([
    [jwt('{"exp":1000}'), 1_000_000],
    [jwt('{"exp":"1000"}'), null],
    [jwt('{}'), null],
    [jwt('nonsense'), null],
    [jwt('null'), null],
    ['ph_token', null],
    [null, null],
  ])('of %s is %s', (token, end) => {
    expect(endOfToken(token)).toBe(end);
  });
});
