/** Broker clients: the SDK's calls that connections share. A connection with the same token and namespace shares one. */

import { Groups } from '../../../sdk/admin/groups.ts';
import { ShareGroups } from '../../../sdk/admin/share-groups.ts';
import { Topics } from '../../../sdk/admin/topics.ts';
import { clientConfig } from '../../../sdk/client/options.ts';
import { Transport } from '../../../sdk/client/transport.ts';
import { recordExchange } from '../record-reads/record-exchange.ts';
import { TopicDirectory } from './topic-directory.ts';

export class BrokerClient {
  readonly namespace: string;
  readonly token: string | null;
  readonly transport: Transport;
  readonly topics: Topics;
  readonly groups: Groups;
  readonly shareGroups: ShareGroups;
  readonly directory: TopicDirectory;

  constructor(url: string, namespace: string, token: string | null) {
    this.namespace = namespace;
    this.token = token;
    const config = clientConfig({ url, namespace, ...(token !== null && { token }) });
    this.transport = new Transport({ ...config, exchange: recordExchange(config.exchange) });
    this.topics = new Topics(this.transport);
    this.groups = new Groups(this.transport);
    this.shareGroups = new ShareGroups(this.transport);
    this.directory = new TopicDirectory(namespace, this.topics);
  }
}

export class BrokerClients {
  readonly #url: string;
  readonly #clients = new Map<string, { client: BrokerClient; connections: number }>();

  constructor(url: string) {
    this.#url = url;
  }

  take(namespace: string, token: string | null): { client: BrokerClient; release: () => void } {
    const key = `${namespace}\0${token ?? ''}`;
    const entry = this.#clients.get(key) ?? {
      client: new BrokerClient(this.#url, namespace, token),
      connections: 0,
    };
    this.#clients.set(key, entry);
    entry.connections++;
    return {
      client: entry.client,
      release: () => {
        if (--entry.connections === 0) this.#clients.delete(key);
      },
    };
  }
}
