/** Message source: where messages of a consumer come from and settlements go to. There are two: polls and a stream. */

import type { Transport } from '../../client/transport.ts';
import type { ConsumerConfig } from '../options.ts';

/** The consumer, as its source sees it. */
export interface SourceHost {
  readonly transport: Transport;
  readonly queue: string;
  readonly config: ConsumerConfig;
  /** How many unsettled messages the consumer may hold. */
  readonly prefetch: number;
  readonly leaseMs: number;
  readonly isStopping: boolean;
  /** How many messages to ask for now; 0: none yet. */
  room(): number;
  /** Resolves when `room` or `isStopping` may have changed. */
  change(): Promise<void>;
  accept(frame: Uint8Array): void;
  /** The broker has given everything back. */
  loseAll(reason: Error): void;
  /** Something failed that will be tried again. */
  tell(error: unknown): void;
  /** Rejects if the queue is not there; resolves when the broker has said that it is. */
  check(): Promise<void>;
  /** Tries for as long as the consumer runs. */
  persistently<Result>(run: () => Promise<Result>): Promise<Result>;
}

export interface MessageSource {
  /** Brings messages until the consumer stops. Rejects if something else ends it. */
  run(): Promise<void>;
  /** `prefetch` of the host has changed. */
  flow?(): void;
  /** When it resolves no more messages come; settlements still go. Called once, after `isStopping` is set. */
  halt(): Promise<void>;
  /** One attempt. @returns a frame of outcomes */
  settle(frame: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /** Called when everything is settled: the consumer will take no more. */
  leave?(): Promise<void>;
  /** Nothing more comes or goes. */
  close(): void;
}
