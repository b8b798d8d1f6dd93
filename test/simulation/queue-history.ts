/** Events of history.ts about dead letters, bindings, and queues that come and go. */

import type { Outcome, Span } from './history.ts';

/** A replay was begun, looked at, or cancelled: what its queue said of it. */
export interface ReplaySeen extends Span {
  kind: 'replay';
  replay: string;
  /** When it was first asked for. */
  since: number;
  what: 'begin' | 'look' | 'cancel';
  state: 'running' | 'done' | 'cancelled';
  moved: number;
  lookedAt: number;
  total: number;
  limit: number | null;
  ratePerS: number | null;
}

/** Dead letters were listed: these were there. */
export interface LettersListed extends Span {
  kind: 'letters';
  letters: { place: string; id: string; reason: string | null; origin: string | null }[];
}

/** All dead letters of this type of error were removed, or may be, if the outcome is not known. */
export interface LettersPurged extends Span {
  kind: 'purge-letters';
  errorType: string;
  outcome: Outcome;
}

/** A dead letter was sent back with this header. */
export interface LetterResent extends Span {
  kind: 'resend';
  id: string;
  mark: string;
  outcome: Outcome;
  copies: number;
}

export interface BindingFields {
  source: string;
  destination: { kind: 'queue' | 'exchange' | 'topic'; name: string };
  routing_key: string;
  arguments: Record<string, string>;
}

/** A binding was made or removed. Each is another one: none is made again. */
export interface BindingChanged extends Span {
  kind: 'binding';
  what: 'bind' | 'unbind';
  binding: BindingFields;
  /** Null if it is not known. */
  id: string | null;
  outcome: Outcome;
  copies: number;
  /** Of the topology, with which the change was answered. */
  version: number;
}

/** Messages went to an exchange. */
export interface Routed extends Span {
  kind: 'route';
  exchange: string;
  outcome: Outcome;
  /** The topology version that the request said it had seen. */
  seenVersion: number;
  messages: {
    id: string;
    routingKey: string;
    headers: Record<string, string>;
    isMandatory: boolean;
    /** `kind/name`; null if there was no answer. */
    destinations: string[] | null;
    isUnroutable: boolean;
  }[];
}

/** One attempt to publish through an exchange with a sequence. A `publish` and a `produce` sum up all attempts. */
export interface RoutedOnce extends Span {
  kind: 'route-once';
  exchange: string;
  outcome: Outcome;
  /** Of a refusal. */
  code: string | null;
  producer: { id: number; epoch: number; sequence: number };
  /** The instance had been replaced when it sent this. */
  isLate: boolean;
  ids: string[];
  /** For each message `kind/name`, and in a topic its partition and offset; null if there was no answer. */
  destinations: string[][] | null;
}

/** A queue was declared or deleted. */
export interface QueueChanged extends Span {
  kind: 'queue';
  queue: string;
  what: 'declare' | 'delete' | 'delete-if-empty' | 'delete-if-unused';
  outcome: Outcome;
  copies: number;
}

/** A schedule was triggered, or paused for good. */
export interface ScheduleChanged extends Span {
  kind: 'schedule';
  what: 'trigger' | 'pause';
  /** Of what was triggered. */
  messageId: string | null;
  isPublished: boolean;
}

/** A message was cancelled or run now, or may be, if the outcome is not known. */
export interface Steered extends Span {
  kind: 'steer';
  what: 'cancel' | 'run';
  id: string;
  /** Its position in the queue. */
  place: string;
  outcome: Outcome;
  /** What became of it; null if it was refused, or that is not known. */
  result: string | null;
  /** Refused because it was not there: an attempt before may have done it. */
  isGone: boolean;
}

export type QueueHistoryEvent =
  | Steered
  | ReplaySeen
  | LettersListed
  | LettersPurged
  | LetterResent
  | BindingChanged
  | Routed
  | RoutedOnce
  | QueueChanged
  | ScheduleChanged;
