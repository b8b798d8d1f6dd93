/**
 * Configuration of the RabbitMQ that the project compares with: the ports of its plugins on loopback. A plugin's own
 * default is to listen on all interfaces. AMQP, distribution and port mapper are bound by the environment, in `rabbitmq.ts`.
 */

import { LOOPBACK } from './peer-process.ts';

/** The lines that bind a plugin to one address. A plugin that opens no port has none. */
const PLUGIN_LISTENERS: Readonly<Record<string, (port: number) => string[]>> = {
  rabbitmq_management: (port) => [`management.tcp.ip = ${LOOPBACK}`, `management.tcp.port = ${port}`],
  rabbitmq_prometheus: (port) => [`prometheus.tcp.ip = ${LOOPBACK}`, `prometheus.tcp.port = ${port}`],
  rabbitmq_stream: (port) => [`stream.listeners.tcp.1 = ${LOOPBACK}:${port}`],
  rabbitmq_mqtt: (port) => [`mqtt.listeners.tcp.1 = ${LOOPBACK}:${port}`],
  rabbitmq_stomp: (port) => [`stomp.listeners.tcp.1 = ${LOOPBACK}:${port}`],
  rabbitmq_management_agent: () => [],
  rabbitmq_consistent_hash_exchange: () => [],
};

/** Throws for an unknown plugin, because nobody knows where it listens. */
export function checkPlugins(plugins: readonly string[]): void {
  const unknown = plugins.find((plugin) => !Object.hasOwn(PLUGIN_LISTENERS, plugin));
  if (unknown === undefined) return;
  throw new Error(
    `plugin ${unknown} is not known: add its listener to scripts/peers/rabbitmq-config.ts, bound to ${LOOPBACK}`,
  );
}

/** @param ports one for each plugin */
export function listeners(plugins: readonly string[], ports: readonly number[]): string[] {
  return plugins.flatMap((plugin, index) => PLUGIN_LISTENERS[plugin]!(ports[index]!));
}

/** The text of `rabbitmq.conf`. Settings of a plugin may be in it only if the plugin is enabled. */
export function configOf(pluginListeners: readonly string[]): string {
  return ['disk_free_limit.absolute = 50MB', ...pluginListeners].map((line) => `${line}\n`).join('');
}
