import { describe, expect, it } from 'vitest';
import { checkPlugins, configOf, listeners } from '../../scripts/peers/rabbitmq-config.ts';

const LISTENING = [
  'rabbitmq_management',
  'rabbitmq_prometheus',
  'rabbitmq_stream',
  'rabbitmq_mqtt',
  'rabbitmq_stomp',
];

describe('the RabbitMQ to compare with', () => {
  it('listens on loopback only, with its plugins too', () => {
    const ports = LISTENING.map((_, index) => 20_000 + index);
    const config = configOf(listeners(LISTENING, ports));
    const addresses = config.match(/\d+\.\d+\.\d+\.\d+/g);
    expect(addresses).toEqual(Array.from({ length: LISTENING.length }, () => '127.0.0.1'));
    for (const port of ports) expect(config).toMatch(new RegExp(`[: ]${port}$`, 'm'));
    expect(config).toContain('management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = 20000\n');
  });

  it('says nothing of plugins that are not enabled, which the server would refuse', () => {
    expect(configOf(listeners(['rabbitmq_management_agent'], [20_000]))).not.toContain('management');
  });

  it('refuses a plugin whose listener nobody has bound', () => {
    expect(() => checkPlugins(['rabbitmq_management', 'rabbitmq_web_stomp'])).toThrow(/rabbitmq_web_stomp/);
    expect(() => checkPlugins(['constructor'])).toThrow(/constructor/);
  });
});
