/** Which Host headers name this machine. */

import { describe, expect, it } from 'vitest';
import { isLoopbackHost } from '../../../../core/access/browsers/loopback-host.ts';

describe('names of this machine', () => {
  it.each([
    'localhost',
    'localhost:8787',
    'LocalHost:8787',
    'LOCALHOST.',
    'localhost.:8787',
    'posthorn.localhost',
    'a.b.localhost:1',
    '127.0.0.1',
    '127.0.0.1:65535',
    '127.0.0.1.',
    '127.255.0.3:80',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '[::1]',
    '[::1]:8787',
    '[0:0:0:0:0:0:0:1]:8787',
    '[::ffff:127.0.0.1]:8787',
    '[::FFFF:7F00:1]',
  ])('%s', (host) => expect(isLoopbackHost(host)).toBe(true));
});

describe('everything else', () => {
  it.each([
    '',
    ' ',
    'evil.example',
    'evil.example:8787',
    'localhost.evil.example',
    'localhost..',
    'notlocalhost',
    'localhost-',
    'xn--localhost-',
    'localhоst', // a Cyrillic letter
    '127.0.0.1.evil.example',
    '127.0.0.1.nip.io:8787',
    '128.0.0.1',
    '10.0.0.1',
    '192.168.0.1:8787',
    '0.0.0.0:8787',
    '0',
    '[::]:8787',
    '[::2]',
    '[fe80::1]',
    '[::ffff:10.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    'posthorn',
    'posthorn.workers.dev',
    'localhost:99999',
    'localhost:x',
    'localhost/evil',
    'localhost?evil',
    'localhost#evil',
    'evil@localhost',
    'localhost@evil.example',
    'localhost, evil.example',
    'localhost evil.example',
    'localhost\\evil.example',
  ])('%s', (host) => expect(isLoopbackHost(host)).toBe(false));
});
