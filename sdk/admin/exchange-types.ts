/**
 * Types of exchanges, bindings and policies. `protocol/schemas/exchanges.ts` and `protocol/schemas/policies.ts` have
 * the limits.
 */

import type { ChangeableQueueFields } from './queue-types.ts';

export interface ExchangeFields {
  /** How bindings are compared with messages. Default `direct`. */
  type: 'direct' | 'fanout' | 'topic' | 'headers' | 'consistent-hash';
  /** Takes messages from other exchanges only, never from publishers. Default false. */
  internal: boolean;
  /**
   * The exchange for messages that no binding takes. It need not exist yet. Default null: such messages are dropped.
   */
  alternateExchange: string | null;
  /** The exchange is deleted with the last binding from it. Default false. */
  autoDelete: boolean;
  /** Consistent-hash only: the header to hash instead of the routing key. Default null. */
  hashHeader: string | null;
}

export type ExchangeDeclaration = Partial<ExchangeFields>;

export interface Exchange extends ExchangeFields {
  /** Its name; `amq.default` stands for the default exchange. */
  exchange: string;
  /** It exists from the start, and can be neither changed nor deleted. */
  predeclared: boolean;
  /** The version of the namespace's topology that this was read from. */
  topologyVersion: number;
}

export type BindingDestination = { queue: string } | { exchange: string } | { topic: string };

/** What a headers exchange compares. Names are the application's own and stay as they are. */
export type BindingArguments = Readonly<Record<string, string | number | boolean | null>>;

export interface BindingOptions {
  /** A key, a pattern, or a weight (consistent-hash), as the type of the exchange takes it. Default empty. */
  routingKey?: string;
  /** Default none. */
  arguments?: BindingArguments;
}

export interface Binding {
  /** Derived from the other fields: the same binding has the same id everywhere. */
  id: string;
  /** The exchange that messages come from. */
  source: string;
  destination: BindingDestination;
  routingKey: string;
  arguments: BindingArguments;
}

/** What a policy sets for the queues whose names it matches. */
export type PolicySettings = Partial<
  Pick<
    ChangeableQueueFields,
    | 'messageTtlMs'
    | 'expiresMs'
    | 'maxLength'
    | 'maxBytes'
    | 'overflow'
    | 'leaseMs'
    | 'dedupWindowMs'
    | 'retry'
    | 'deadLetter'
  >
>;

export interface PolicyDeclaration {
  /** Names of queues: `*` stands for any characters, `?` for any one. The whole name must match. */
  pattern: string;
  /** Of several matching policies only the highest applies. Default 0. */
  priority?: number;
  /** At least one setting. */
  definition: PolicySettings;
}

/** How many matching queues a policy or an alert rule has reached. */
export interface RuleProgress {
  /** Queues that have been looked at since the last change of a rule. */
  queuesChecked: number;
  /** Queues that there were at that change. */
  queuesTotal: number;
  /** Every queue that it matches has it. */
  done: boolean;
}

export interface Policy extends Required<PolicyDeclaration> {
  /** Its name. */
  policy: string;
  progress: RuleProgress;
  /** The version of the namespace's topology that this was read from. */
  topologyVersion: number;
}

/** Where a message would go, and how it gets there. */
export interface MessageRoute {
  /** The queues and topics that would store it, each once; at most 1,000 are shown. */
  destinations: { kind: 'queue' | 'topic'; name: string }[];
  /** How many there are. */
  destinationCount: number;
  /** Nothing would store it. */
  isUnroutable: boolean;
  /** The exchanges that it meets, in order. */
  steps: {
    exchange: string;
    /** What leads to it: the publish, a binding, or the lack of one. */
    by: 'publish' | 'binding' | 'alternate';
    /** The exchange that leads to it; null for the first. */
    from: string | null;
    matched: { kind: 'queue' | 'topic' | 'exchange'; name: string }[];
    /** Its alternate exchange, if that gets the message because no binding takes it. */
    alternate: string | null;
  }[];
  /** Exchanges that are not shown: too many, or the token has no right to view them. */
  hiddenSteps: number;
}
