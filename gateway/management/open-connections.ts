/** Open connections: what clients have open at this gateway, as the management API shows and closes it. */

import type { OpenConnection } from '../amqp/connection/amqp-session.ts';
import { DONE, ok, type Answer } from './answer.ts';
import { jsonOfTable } from '../amqp/definitions/json-fields.ts';
import { entriesOf, listed } from './list-query.ts';
import { vhostOf } from '../amqp/connection/virtual-host.ts';
import { NODE } from './shown.ts';
import type { Fields } from './vhost-calls.ts';

type OpenChannel = OpenConnection['channels'][number];

/** `/connections`, `/connections/<name>`, `/connections/<name>/channels`, `/connections/username/<user>`. */
export async function answerOfConnections(
  connections: readonly OpenConnection[],
  method: string,
  [name, rest]: readonly string[],
  query: URLSearchParams,
): Promise<Answer | null> {
  const isOfUser = name === 'username' && rest !== undefined;
  if (name === undefined || isOfUser) {
    const some = isOfUser ? connections.filter(({ user }) => user === rest) : connections;
    if (method === 'GET') return ok(await listed(entriesOf(some.map(shownConnection)), query));
    if (method !== 'DELETE' || !isOfUser) return null;
    for (const one of some) one.close(CLOSED);
    return DONE;
  }
  const found = connections.find((one) => one.name === name);
  if (found === undefined) return null;
  if (rest === 'channels' && method === 'GET') return ok(await channelsOf([found], query));
  if (rest !== undefined) return null;
  if (method === 'GET') return ok(shownConnection(found));
  if (method !== 'DELETE') return null;
  found.close(CLOSED);
  return DONE;
}

const CLOSED = 'Closed via management plugin';

/** `/channels` and `/channels/<name>`. */
export async function answerOfChannels(
  connections: readonly OpenConnection[],
  name: string | undefined,
  query: URLSearchParams,
): Promise<Answer | null> {
  if (name === undefined) return ok(await channelsOf(connections, query));
  for (const connection of connections) {
    const channel = connection.channels.find(({ number }) => nameOf(connection, number) === name);
    if (channel === undefined) continue;
    const details = consumersOf(connection, channel);
    return ok({ ...shownChannel(connection, channel), consumer_details: details });
  }
  return null;
}

export const ofVhost = (connections: readonly OpenConnection[], vhost: string): OpenConnection[] =>
  connections.filter(({ namespace }) => vhostOf(namespace) === vhost);

export const channelsOf = (
  connections: readonly OpenConnection[],
  query: URLSearchParams,
): ReturnType<typeof listed> => {
  const all = connections.flatMap((one) => one.channels.map((channel) => shownChannel(one, channel)));
  return listed(entriesOf(all), query);
};

export const shownConsumers = (connections: readonly OpenConnection[]): Fields[] =>
  connections.flatMap((one) => one.channels.flatMap((channel) => consumersOf(one, channel)));

const nameOf = (connection: OpenConnection, number: number): string => `${connection.name} (${number})`;

/** An address and a port of each end, as a connection's name has them. */
function endsOf({ name }: OpenConnection): { peer: [string, number]; own: [string, number] } {
  const [peer = '', own = ''] = name.split(' -> ');
  const partsOf = (end: string): [string, number] => {
    const colon = end.lastIndexOf(':');
    return [end.slice(0, colon), Number(end.slice(colon + 1)) || 0];
  };
  return { peer: partsOf(peer), own: partsOf(own) };
}

export function shownConnection(connection: OpenConnection) {
  const { name, user, namespace, client, channels, heartbeatS, connectedAtMs } = connection;
  const { peer, own } = endsOf(connection);
  return {
    name,
    user,
    vhost: vhostOf(namespace),
    node: NODE,
    state: 'running',
    type: 'network',
    protocol: 'AMQP 0-9-1',
    channels: channels.length,
    timeout: heartbeatS,
    connected_at: connectedAtMs,
    host: own[0],
    port: own[1],
    peer_host: peer[0],
    peer_port: peer[1],
    user_provided_name: client.connection_name ?? null,
    client_properties: client,
  };
}

function shownChannel(connection: OpenConnection, channel: OpenChannel) {
  const { number, prefetch, confirms, transactional, unacked, unconfirmed, consumers } = channel;
  return {
    ...ownerOf(connection, number),
    name: nameOf(connection, number),
    node: NODE,
    state: 'running',
    confirm: confirms,
    transactional,
    prefetch_count: prefetch,
    consumer_count: consumers.length,
    messages_unacknowledged: unacked,
    messages_unconfirmed: unconfirmed,
    connection_details: connectionDetails(connection),
  };
}

function consumersOf(connection: OpenConnection, channel: OpenChannel): Fields[] {
  return channel.consumers.map(({ tag, queue, noAck, exclusive, prefetch, arguments: given }) => ({
    arguments: jsonOfTable(given),
    ack_required: !noAck,
    active: true,
    activity_status: 'up',
    channel_details: {
      ...ownerOf(connection, channel.number),
      name: nameOf(connection, channel.number),
      connection_name: connection.name,
      node: NODE,
      peer_host: endsOf(connection).peer[0],
      peer_port: endsOf(connection).peer[1],
    },
    consumer_tag: tag,
    exclusive,
    prefetch_count: prefetch,
    queue: { name: queue, vhost: vhostOf(connection.namespace) },
  }));
}

const ownerOf = ({ user, namespace }: OpenConnection, number: number) => ({
  number,
  user,
  vhost: vhostOf(namespace),
});

function connectionDetails(connection: OpenConnection): Fields {
  const [host, port] = endsOf(connection).peer;
  return { name: connection.name, peer_host: host, peer_port: port };
}
