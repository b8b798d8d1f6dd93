/** Runs the parts of the fuzzer from one seed: codecs, streams, requests. What each does is in its file. */

import type { BrokerOptions } from '../../scripts/broker/broker.ts';
import { randomFrom } from '../crash/random.ts';
import type { TestBroker } from '../support/broker/test-broker.ts';
import { CodecFuzz } from './codec/codec.ts';
import { HttpFuzz } from './requests/http.ts';
import { KNOWN } from './requests/requests.ts';
import { StreamFuzz } from './requests/streams.ts';

export const PARTS = ['codec', 'frames', 'http'] as const;
export type Part = (typeof PARTS)[number];

/** Of the broker: what it logs is counted, by its first words. */
export function brokerOptions(logged: Map<string, number>): Pick<BrokerOptions, 'onLog'> {
  return {
    onLog: ({ level, message }) => {
      if (level !== 'error' && level !== 'warn') return;
      const what = message.split('\n')[0]!.slice(0, 150);
      logged.set(what, (logged.get(what) ?? 0) + 1);
    },
  };
}

export interface FuzzOptions {
  seed: number;
  /** Turns; one has `REQUESTS_PER_TURN` requests, a round of streams and `CASES_PER_TURN` cases of codecs. */
  turns: number;
  /** Only this part. Default: all. */
  only?: Part;
  /** At once, for each thing that is wrong. */
  onWrong?: (what: string) => void;
  /** After each turn. */
  onProgress?: (done: FuzzTotals) => void;
  /** True ends it early. */
  isOver?: () => boolean;
}

export interface FuzzTotals {
  requests: number;
  refused: number;
  /** Values that were read again and compared with what was sent. */
  compared: number;
  frames: number;
  /** Requests to the queue of the streams meanwhile. */
  beside: number;
  codecCases: number;
  codecAccepted: number;
  /** Changes beside a refused request that something else has explained, by what it was. */
  moved: Record<string, number>;
  /** Operations that were answered with a success at least once, and those that never were. */
  covered: string[];
  uncovered: string[];
  /** One for each thing that is wrong. */
  wrong: string[];
}

export const REQUESTS_PER_TURN = 100;
export const CASES_PER_TURN = 300;
const WRONG_MAX = 20;

/** @param broker with `brokerOptions`; null if only codecs are asked for */
export async function fuzz(broker: TestBroker | null, options: FuzzOptions): Promise<FuzzTotals> {
  const { only } = options;
  const random = randomFrom(options.seed);
  const seedOf = (): number => Math.floor(random() * 2 ** 31);
  // Each part draws from a seed of its own, so that a part alone does what it does among the others.
  const codec = new CodecFuzz(seedOf());
  const streams = broker && new StreamFuzz(broker, seedOf());
  const http = broker && new HttpFuzz(broker, seedOf());
  const wrong: string[] = [];
  const isOver = (): boolean => wrong.length >= WRONG_MAX || (options.isOver?.() ?? false);
  const note = (found: string[]): void => {
    wrong.push(...found);
    for (const what of found) options.onWrong?.(what);
  };
  const isAsked = (part: Part): boolean => only === undefined || only === part;
  for (let turn = 0; turn < options.turns && !isOver(); turn++) {
    if (isAsked('codec')) {
      for (let count = 0; count < CASES_PER_TURN && !isOver(); count++) note(await codec.step());
    }
    if (streams && isAsked('frames')) {
      note(await streams.round());
      http?.forgetState();
    }
    if (http && isAsked('http')) {
      for (let count = 0; count < REQUESTS_PER_TURN && !isOver(); count++) note(await http.step());
    }
    options.onProgress?.(totals());
  }
  return totals();

  function totals(): FuzzTotals {
    const operations = KNOWN.map(({ description }) => description.operationId);
    const succeeded = new Set([...(http?.succeeded.keys() ?? []), ...(streams?.succeeded ?? [])]);
    return {
      requests: http?.requests ?? 0,
      refused: http?.refused ?? 0,
      compared: http?.compared ?? 0,
      frames: streams?.frames ?? 0,
      beside: streams?.requests ?? 0,
      codecCases: codec.cases,
      codecAccepted: codec.accepted,
      moved: Object.fromEntries(http?.moved ?? []),
      covered: operations.filter((operation) => succeeded.has(operation)),
      uncovered: operations.filter((operation) => !succeeded.has(operation)),
      wrong,
    };
  }
}
