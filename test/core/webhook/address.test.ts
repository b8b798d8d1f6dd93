import { describe, expect, it } from 'vitest';
import { checkWebhookUrl } from '../../../core/webhook/address.ts';

describe('the address of a webhook', () => {
  it.each([
    'https://example.com/hook',
    'https://example.com:8443/hook?a=b',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://172.15.0.1/',
    'https://100.63.0.1/',
    'https://192.169.0.1/',
  ])('%s is public', (url) => expect(checkWebhookUrl(url, false)).toBeNull());

  it.each([
    'http://example.com/',
    'https://localhost/',
    'https://api.localhost/',
    'https://printer/',
    'https://printer.local/',
    'https://metadata.google.internal/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0/',
    'https://10.1.2.3/',
    'https://100.64.0.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://198.18.0.1/',
    'https://203.0.113.9/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[::]/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[fc00::1]/',
    'https://[fd12:3456::1]/',
    'https://[fe80::1]/',
    'https://[ff02::1]/',
    'https://[2001:db8::1]/',
    'https://[2001::1]/',
    'https://[2002:7f00:1::]/',
    'https://localhost./',
  ])('%s is not, and is allowed on a machine of one’s own', (url) => {
    expect(checkWebhookUrl(url, false)).toMatchObject({ code: 'invalid_field' });
    expect(checkWebhookUrl(url, true)).toBeNull();
  });

  it.each([
    '',
    'example.com',
    'ftp://example.com',
    'file:///etc/passwd',
    'https://',
    'https://a:b@example.com/',
  ])('%j is refused everywhere', (url) => {
    expect(checkWebhookUrl(url, true)).toMatchObject({ code: 'invalid_field' });
  });
});
