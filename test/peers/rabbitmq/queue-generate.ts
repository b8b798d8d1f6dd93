/** Queue scenarios from a seed: a declaration, and what is done to the queue one step after another. */

import { Dice } from './dice.ts';

export const KINDS = ['plain', 'priority', 'drop-head', 'reject-publish', 'ttl', 'quorum'] as const;
export type ScenarioKind = (typeof KINDS)[number];

export interface QueueSettings {
  /** In RabbitMQ a quorum queue; otherwise a classic one. */
  isQuorum: boolean;
  maxPriority: number;
  maxLength: number | null;
  overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx';
  messageTtlMs: number | null;
  /** Failures after which a message is dead-lettered. */
  deliveryLimit: number | null;
}

export interface MessageSettings {
  priority?: number;
  expirationMs?: number;
}

/** Two consumers hold messages. A pick names one of those that a consumer holds, counted modulo their number. */
export type Consumer = 'a' | 'b';

export type Op =
  | { do: 'publish'; messages: MessageSettings[] }
  | { do: 'get'; by: Consumer; max: number }
  | { do: 'ack' | 'reject'; by: Consumer; picks: number[] }
  /** `release` is not a failure here, `nack` is one; in RabbitMQ both are basic.nack with requeue. */
  | { do: 'requeue'; by: Consumer; picks: number[]; how: 'release' | 'nack' }
  | { do: 'requeue-all'; by: Consumer; how: 'release' | 'nack' }
  /** The consumer is gone: its channel is closed. */
  | { do: 'leave'; by: Consumer }
  | { do: 'purge' }
  /** Until all that is to expire soon has expired. */
  | { do: 'wait' };

export interface Scenario {
  kind: ScenarioKind;
  settings: QueueSettings;
  ops: Op[];
}

/** A time to live that ends in a `wait` and never before it. */
export const SOON_MS = 2_000;
/** One that never ends in a scenario. */
const LATE_MS = 600_000;

export const PLAIN: QueueSettings = {
  isQuorum: false,
  maxPriority: 0,
  maxLength: null,
  overflow: 'drop-head',
  messageTtlMs: null,
  deliveryLimit: null,
};

export class ScenarioGenerator {
  readonly #dice: Dice;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
  }

  scenario(kind: ScenarioKind): Scenario {
    const settings = { ...PLAIN, ...this.#settings(kind) };
    return { kind, settings, ops: kind === 'quorum' ? this.#quorumOps() : this.#ops(kind, settings) };
  }

  #settings(kind: ScenarioKind): Partial<QueueSettings> {
    const maxPriority = this.#dice.pick([1, 2, 5, 10, 31]);
    switch (kind) {
      case 'plain':
        return {};
      case 'priority':
        return { maxPriority };
      case 'drop-head': // With priorities the two drop different messages, by design.
        return { maxLength: this.#dice.upTo(8) };
      case 'reject-publish': {
        const overflow = this.#dice.pick(['reject-publish', 'reject-publish-dlx'] as const);
        return {
          maxLength: this.#dice.upTo(8),
          overflow,
          ...(this.#dice.chance(0.4) ? { maxPriority } : {}),
        };
      }
      case 'ttl':
        return this.#dice.chance(0.4)
          ? { messageTtlMs: this.#dice.pick([SOON_MS, SOON_MS, LATE_MS]), maxPriority }
          : { messageTtlMs: this.#dice.pick([null, null, SOON_MS, LATE_MS]) };
      case 'quorum':
        return { isQuorum: true, deliveryLimit: this.#dice.pick([1, 2, 3]) };
    }
  }

  #ops(kind: ScenarioKind, { maxPriority }: QueueSettings): Op[] {
    const isTimed = kind === 'ttl';
    const ops: Op[] = [this.#publish(maxPriority, isTimed)];
    const count = isTimed ? 12 : 30;
    for (let number = 1; number < count; number++) {
      const by = this.#dice.pick<Consumer>(['a', 'b']);
      const roll = this.#dice.roll();
      if (roll < 0.25) ops.push(this.#publish(maxPriority, isTimed));
      else if (roll < 0.55) ops.push({ do: 'get', by, max: this.#dice.upTo(6) + 1 });
      else if (roll < 0.65) ops.push({ do: 'ack', by, picks: this.#picks() });
      else if (roll < 0.75) ops.push({ do: 'reject', by, picks: this.#picks() });
      else if (roll < 0.88) ops.push({ do: 'requeue', by, picks: this.#picks(), how: this.#how() });
      else if (roll < 0.92) ops.push({ do: 'requeue-all', by, how: this.#how() });
      else if (roll < 0.96) ops.push({ do: 'leave', by });
      // How many a purge finds depends on when the expired ones were noticed.
      else if (!isTimed) ops.push({ do: 'purge' });
    }
    if (isTimed) ops.splice(this.#dice.upTo(ops.length - 3) + 3, 0, { do: 'wait' });
    return ops;
  }

  /**
   * A quorum queue of 3.10 puts returned messages at the end of those that were returned before, not at their old
   * place: the order is shared if all that was returned is taken again before more is returned.
   */
  #quorumOps(): Op[] {
    const ops: Op[] = [];
    for (let round = 0; round < 8; round++) {
      ops.push(this.#publish(0, false), { do: 'get', by: 'a', max: 100 });
      if (this.#dice.chance(0.5)) ops.push({ do: 'ack', by: 'a', picks: this.#picks() });
      if (this.#dice.chance(0.3)) ops.push({ do: 'reject', by: 'a', picks: this.#picks() });
      ops.push({ do: 'requeue-all', by: 'a', how: 'nack' });
    }
    return ops;
  }

  #publish(maxPriority: number, isTimed: boolean): Op {
    const messages = Array.from({ length: this.#dice.upTo(6) + 1 }, (): MessageSettings => {
      const priority = this.#dice.pick([
        undefined,
        0,
        1,
        2,
        3,
        maxPriority,
        Math.min(maxPriority + 1, 31),
        31,
      ]);
      // With priorities RabbitMQ delivers messages whose own time is over, unless they came to an empty queue.
      const expirationMs =
        isTimed && maxPriority === 0
          ? this.#dice.pick([undefined, undefined, SOON_MS, SOON_MS, LATE_MS, 0])
          : undefined;
      return {
        ...(priority === undefined ? {} : { priority }),
        ...(expirationMs === undefined ? {} : { expirationMs }),
      };
    });
    return { do: 'publish', messages };
  }

  #picks(): number[] {
    return Array.from({ length: this.#dice.upTo(3) + 1 }, () => this.#dice.upTo(12));
  }

  #how(): 'release' | 'nack' {
    return this.#dice.pick(['release', 'nack'] as const);
  }
}
