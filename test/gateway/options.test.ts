/** What the command line of the gateway may say. `posthorn gateway` hands its flags on, so it has to know the same. */

import { describe, expect, it } from 'vitest';
import { readOptions } from '../../gateway/options.ts';
import { GATEWAY_FLAGS } from '../../sdk/cli/commands/gateway.ts';

describe('the options of the gateway', () => {
  it('are AMQP on its usual port by default, and Kafka alone if only that is asked for', () => {
    expect(readOptions([])).toMatchObject({ amqp: 5672, kafka: null, management: null, tls: null });
    expect(readOptions(['--kafka', '9092'])).toMatchObject({
      amqp: null,
      kafka: 9092,
      autoCreate: false,
      partitions: 1,
    });
    expect(readOptions(['--kafka', '0', '--amqp', '0'])).toMatchObject({ amqp: 0, kafka: 0 });
  });

  it('serve Kafka with TLS where there is a certificate', () => {
    const words = ['--kafka', '0', '--kafkas', '9093', '--tls-cert', 'a.pem', '--tls-key', 'b.pem'];
    expect(readOptions([...words, '--kafkas-advertise', 'kafka.example:443'])).toMatchObject({
      kafkas: 9093,
      amqps: null,
      tls: { cert: 'a.pem', key: 'b.pem' },
      tlsAdvertised: { host: 'kafka.example', port: 443 },
    });
  });

  it('have an address with brackets or without', () => {
    const advertised = (text: string): unknown => readOptions(['--kafka', '1', '--kafka-advertise', text]);
    expect(advertised('kafka.example:9092')).toMatchObject({
      advertised: { host: 'kafka.example', port: 9092 },
    });
    expect(advertised('[::1]:9092')).toMatchObject({ advertised: { host: '::1', port: 9092 } });
  });

  it.each([
    ['--amqp', '65536'],
    ['--kafka', 'x'],
    ['--amqps', '5671'],
    ['--kafkas', '9093', '--kafka', '9092'],
    ['--kafkas', '9093', '--tls-cert', 'a.pem', '--tls-key', 'b.pem'],
    ['--tls-cert', 'a.pem'],
    ['--kafka-advertise', 'nowhere'],
    ['--kafka-namespace', 'no name'],
    ['--kafka-partitions', '0'],
    ['--kafka-partitions', '2000'],
    ['--kafka-advertise', 'a:99999'],
    ['--surprise', '1'],
  ])('are refused with what is right: %s %s', (...words) => {
    const said = readOptions(words);
    expect(said).toMatchObject({ isFault: true });
    expect((said as { text: string }).text).toContain('npm run gateway');
  });

  it('are explained, which is no fault', () => {
    expect(readOptions(['--help'])).toMatchObject({ isFault: false });
  });

  it('are those of the command, but for the broker and the namespace, which it has from its target', () => {
    const { text } = readOptions(['--help']) as { text: string };
    const options = [...text.matchAll(/^ {2}--([\w-]+)/gm)].map(([, name]) => name!);
    const fromTarget = ['url', 'kafka-namespace'];
    expect(GATEWAY_FLAGS.map(({ name }) => name).sort()).toEqual(
      options.filter((name) => !fromTarget.includes(name)).sort(),
    );
  });
});
