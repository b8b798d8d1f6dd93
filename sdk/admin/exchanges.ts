/** Exchanges: declare, read, list, delete; and bindings. */

import type {
  BindingFields,
  BindingList,
  BindingReply,
  BindingsDeclared,
  ExchangeList,
  ExchangeReply,
} from '../../protocol/schemas/exchanges.ts';
import type { Route } from '../../protocol/schemas/routes.ts';
import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import { invalidArgument } from '../errors.ts';
import type {
  Binding,
  BindingDestination,
  BindingOptions,
  Exchange,
  ExchangeDeclaration,
  MessageRoute,
} from './exchange-types.ts';
import { checkExchange, checkName, checkWideName, exchangePath } from '../client/names.ts';
import { fromWire, toWire } from '../client/wire.ts';

/**
 * All calls retry temporary failures, and throw `PosthornError`: `invalid_argument`, `invalid_field`,
 * `exchange_not_found`, `connection_failed`, `timeout`, `aborted`, and those named below. `''` and `amq.default` both
 * name the default exchange.
 */
export class Exchanges {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the exchange, or checks that it has the given settings. Settings that are left out take their defaults and
   * are not checked. Call it at each start.
   *
   * @throws PosthornError `exchange_differs` with `details.differing`, `exchange_reserved`
   * @example await posthorn.exchanges.declare('events', { type: 'topic' });
   */
  async declare(
    exchange: string,
    declaration: ExchangeDeclaration = {},
    options: CallOptions = {},
  ): Promise<Exchange> {
    const call = { method: 'PUT' as const, path: exchangePath(exchange), ...jsonBody(toWire(declaration)) };
    return fromWire<Exchange>(await this.#transport.json<ExchangeReply>({ ...call, ...options }));
  }

  async get(exchange: string, options: CallOptions = {}): Promise<Exchange> {
    const path = exchangePath(exchange);
    return fromWire<Exchange>(await this.#transport.json<ExchangeReply>({ method: 'GET', path, ...options }));
  }

  /** All exchanges of the namespace, the predeclared ones first. */
  async list(options: CallOptions = {}): Promise<Omit<Exchange, 'topologyVersion'>[]> {
    const itemsOf = (page: ExchangeList) => page.exchanges;
    const exchanges = await listAll(this.#transport, '/exchanges', itemsOf, options);
    return exchanges.map((exchange) => fromWire<Omit<Exchange, 'topologyVersion'>>(exchange));
  }

  /**
   * Deletes the exchange and the bindings from it and to it.
   *
   * @throws PosthornError `exchange_reserved`, `exchange_in_use`
   */
  async delete(
    exchange: string,
    {
      ifUnused,
      ...options
    }: CallOptions & {
      /** Only if no binding starts from it. */
      ifUnused?: boolean;
    } = {},
  ): Promise<void> {
    const query = { if_unused: ifUnused?.toString() };
    await this.#transport.delete({ path: exchangePath(exchange), query, ...options }, 'exchange_not_found');
  }

  /**
   * Binds a queue, a topic or another exchange to an exchange. The same binding made again is one.
   *
   * @throws PosthornError `queue_not_found`, `topic_not_found`, `too_many_bindings`, `exchange_reserved`
   * @example await posthorn.exchanges.bind('events', { queue: 'mails' }, { routingKey: 'orders.*' });
   */
  async bind(
    source: string,
    destination: BindingDestination,
    { routingKey, arguments: given, ...options }: BindingOptions & CallOptions = {},
  ): Promise<Binding> {
    const fields = { destination: wireDestination(destination), routing_key: routingKey, arguments: given };
    const call = { method: 'POST' as const, path: `${exchangePath(source)}/bindings`, ...jsonBody(fields) };
    return bindingOf(await this.#transport.json<BindingReply>({ ...call, ...options }));
  }

  /**
   * Creates many bindings in one request and one change of the topology: all or none, at most 5,000.
   *
   * @returns the ids, in order
   * @throws PosthornError as `bind`
   * @example await posthorn.exchanges.bindMany(
   *   regions.map((region) => ({ source: 'events', destination: { queue: region }, routingKey: `*.${region}` })),
   * );
   */
  async bindMany(
    bindings: readonly (BindingOptions & { source: string; destination: BindingDestination })[],
    options: CallOptions = {},
  ): Promise<string[]> {
    const fields = bindings.map(({ source, destination, routingKey, arguments: given }) => ({
      source: checkExchange(source),
      destination: wireDestination(destination),
      routing_key: routingKey,
      arguments: given,
    }));
    const call = { method: 'POST' as const, path: '/bindings', ...jsonBody({ bindings: fields }) };
    return (await this.#transport.json<BindingsDeclared>({ ...call, ...options })).ids;
  }

  /**
   * Removes a binding. An exchange with `autoDelete` is deleted with its last binding.
   *
   * @param binding the id or binding that `bind` or `bindings` returned
   * @throws PosthornError `binding_not_found`
   */
  async unbind(binding: Pick<Binding, 'id' | 'source'>, options: CallOptions = {}): Promise<void> {
    const path = `${exchangePath(binding.source)}/bindings/${checkName('binding', binding.id)}`;
    await this.#transport.delete({ path, ...options }, 'binding_not_found');
  }

  /**
   * Returns where a message would go, and how it gets there. Nothing is published.
   *
   * @throws PosthornError `exchange_not_found`, `exchange_internal`
   * @example const { destinations, unroutable } = await posthorn.exchanges.route('events', { routingKey: 'orders.eu' });
   */
  async route(
    exchange: string,
    {
      routingKey,
      headers,
      ...options
    }: CallOptions & {
      routingKey?: string;
      headers?: Record<string, string | null | (string | null)[]>;
    } = {},
  ): Promise<MessageRoute> {
    const body = jsonBody({ routing_key: routingKey, headers });
    const path = `${exchangePath(exchange)}/route`;
    const reply = await this.#transport.json<Route>({ method: 'POST', path, ...body, ...options });
    return {
      destinations: reply.destinations,
      destinationCount: reply.destination_count,
      isUnroutable: reply.unroutable,
      steps: reply.steps,
      hiddenSteps: reply.hidden_steps,
    };
  }

  /**
   * The bindings from an exchange, or those to a queue, a topic or an exchange, a page at a time as they are asked for.
   *
   * @example for await (const binding of posthorn.exchanges.bindings({ queue: 'mails' })) console.log(binding.source);
   */
  async *bindings(
    of: { source: string } | BindingDestination,
    options: CallOptions = {},
  ): AsyncGenerator<Binding, void, undefined> {
    const { path, end } = listOf(of);
    for (let after: string | undefined; ;) {
      const page: BindingList = await this.#transport.json<BindingList>({
        method: 'GET',
        path,
        query: { end, after },
        ...options,
      });
      for (const binding of page.bindings) yield bindingOf(binding);
      if (page.next === undefined) return;
      after = page.next;
    }
  }
}

function listOf(of: { source: string } | BindingDestination): { path: string; end: string | undefined } {
  if ('source' in of) return { path: `${exchangePath(of.source)}/bindings`, end: 'source' };
  const { kind, name } = wireDestination(of);
  if (kind === 'exchange') return { path: `${exchangePath(name)}/bindings`, end: 'destination' };
  return { path: `/${kind}s/${encodeURIComponent(name)}/bindings`, end: undefined };
}

function wireDestination(destination: BindingDestination): BindingFields['destination'] {
  const [named, ...more] = Object.entries(destination) as [BindingFields['destination']['kind'], string][];
  if (named === undefined || more.length > 0 || !['queue', 'exchange', 'topic'].includes(named[0])) {
    throw invalidArgument('a destination is { queue }, { exchange } or { topic }');
  }
  const [kind, name] = named;
  return { kind, name: kind === 'topic' ? checkName(kind, name) : checkWideName(kind, name) };
}

function bindingOf({ id, source, destination, routing_key, arguments: given }: BindingFields): Binding {
  const { kind, name } = destination;
  return {
    id,
    source,
    destination: { [kind]: name } as BindingDestination,
    routingKey: routing_key,
    arguments: given,
  };
}
