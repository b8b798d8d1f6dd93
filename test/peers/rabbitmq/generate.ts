/** Routing cases from a seed: small alphabets, so that patterns and keys meet often, and every odd spelling among them. */

import type { BindingDeclaration, Destination } from '../../../core/exchange/binding.ts';
import type { Json } from '../../../core/exchange/canonical-json.ts';
import type { ExchangeType } from '../../../core/exchange/exchange.ts';
import { QUEUE_NAMES, type RoutingCase } from '../../core/exchange/routing-case.ts';
import { Dice } from './dice.ts';

const MESSAGES_PER_CASE = 40;
const MESSAGES_PER_GRAPH = 12;
const KEY_WORDS_MAX = 6;

type Headers = { [name: string]: Json };

export class CaseGenerator {
  readonly #dice: Dice;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
  }

  /** One topic exchange; each pattern leads to a queue of its own, so that the queues say which patterns matched. */
  topicCase(): RoutingCase {
    return this.#oneExchange(
      'topic',
      () => ({ routing_key: this.#pattern(), arguments: {} }),
      () => ({ routingKey: this.#key(), headers: {} }),
    );
  }

  /** One headers exchange, likewise. */
  headersCase(): RoutingCase {
    return this.#oneExchange(
      'headers',
      () => ({ routing_key: '', arguments: this.#headerArguments() }),
      () => ({ routingKey: '', headers: this.#headers() }),
    );
  }

  /** Up to seven exchanges of all types with the predeclared ones, bound to each other in any way, with alternates. */
  graphCase(): RoutingCase {
    const names = Array.from({ length: this.#dice.upTo(7) + 1 }, (_, number) => `x${number}`);
    const sources = [...names, ...names, 'amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers', 'amq.match'];
    const exchanges = names.map((name) => ({
      name,
      type: this.#dice.pick<ExchangeType>(['direct', 'fanout', 'topic', 'headers']),
      internal: this.#dice.chance(0.15),
      // Not the default exchange: as an alternate it reaches nobody in RabbitMQ, and the queue of that name here.
      alternate_exchange: this.#dice.chance(0.5) ? this.#dice.pick([...sources, 'missing']) : null,
    }));
    const bindings = Array.from({ length: this.#dice.upTo(16) + 1 }, (): BindingDeclaration => {
      const destination: Destination = this.#dice.chance(0.5)
        ? { kind: 'queue', name: this.#dice.pick(QUEUE_NAMES.slice(0, 4)) }
        : { kind: 'exchange', name: this.#dice.pick(sources) };
      const routing_key = this.#dice.chance(0.5) ? this.#dice.pick(['a', 'b']) : this.#pattern();
      const args = this.#dice.chance(0.5) ? {} : this.#headerArguments();
      return { source: this.#dice.pick(sources), destination, routing_key, arguments: args };
    });
    if (this.#dice.chance(0.3)) bindings.push(this.#dice.pick(bindings));
    const open = exchanges.filter(({ internal }) => !internal).map(({ name }) => name);
    const entries = [...open, ...open, ...open, 'amq.topic', ''];
    const messages = Array.from({ length: MESSAGES_PER_GRAPH }, () => ({
      exchange: this.#dice.pick(entries),
      routingKey: this.#dice.chance(0.6) ? this.#dice.pick(['a', 'b', 'q0', 'q3', 'missing']) : this.#key(),
      headers: this.#dice.chance(0.5) ? {} : this.#headers(),
    }));
    return { exchanges, bindings, unbound: this.#some(bindings), messages };
  }

  #oneExchange(
    type: ExchangeType,
    binding: () => Pick<BindingDeclaration, 'routing_key' | 'arguments'>,
    message: () => { routingKey: string; headers: Headers },
  ): RoutingCase {
    const bindings = QUEUE_NAMES.map((name): BindingDeclaration => ({
      source: 'x',
      destination: { kind: 'queue', name },
      ...binding(),
    }));
    return {
      exchanges: [{ name: 'x', type, internal: false, alternate_exchange: null }],
      bindings,
      unbound: this.#some(bindings),
      messages: Array.from({ length: MESSAGES_PER_CASE }, () => ({ exchange: 'x', ...message() })),
    };
  }

  #pattern(): string {
    return this.#words(['a', 'b', 'c', '*', '*', '#', '#', '']);
  }

  /** Keys may spell `*` and `#` too; there they are words like any other. */
  #key(): string {
    return this.#words(['a', 'b', 'c', 'a', 'b', 'c', '', '*', '#']);
  }

  #words(alphabet: string[]): string {
    return Array.from({ length: this.#dice.upTo(KEY_WORDS_MAX) }, () => this.#dice.pick(alphabet)).join('.');
  }

  #headerArguments(): Headers {
    const kind = this.#dice.pick(['all', 'any', 'all-with-x', 'any-with-x', null]);
    return { ...(kind === null ? {} : { 'x-match': kind }), ...this.#headers() };
  }

  #headers(): Headers {
    const names = ['a', 'b', 'é', 'x-a', 'x-b', 'x', 'X-a', '__proto', 'x-match'].filter(() =>
      this.#dice.chance(0.3),
    );
    return Object.fromEntries(
      names.filter((name) => name !== 'x-match').map((name) => [name, this.#headerValue()]),
    );
  }

  #headerValue(): Json {
    return this.#dice.pick<Json>([
      1,
      1,
      1,
      '1',
      '1',
      'v',
      '',
      1.5,
      -1,
      0,
      300,
      2 ** 40,
      true,
      false,
      null,
      null,
      [1, 'v'],
      { k: 1 },
    ]);
  }

  /** The places of about a tenth of a list. */
  #some(list: unknown[]): number[] {
    return list.flatMap((_, place) => (this.#dice.chance(0.1) ? [place] : []));
  }
}
