/**
 * Pictures of a queue machine: one word a message, in the order of the offsets from 0.
 *
 *   .    was never looked at            -    is done with
 *   r    was given back (`r2`: delivered twice; `r0`: was only passed over)
 *   A    is leased by consumer A (`A2`: for the second time), until `LEASED_UNTIL` or as `A@150` says
 *
 * After any of them `!2` says that two of its deliveries failed. What the message carries follows, and a picture that is
 * compared leaves it out:
 *
 *   :k   has the ordering key k         =40  was published at 40, instead of at 0
 *   <90  has a time to live of 90       ~2.1 had two deliveries and one failure before it was parked
 *   +    is a dead letter               #    lies in a damaged batch
 *
 * `/` ends a segment. `;` ends a lane; lanes begin with `3>` (priority 3) or `3r>` (its returns) unless they are `0>`.
 */

import { DedupWindow } from '../../../core/queue/state/dedup.ts';
import { conservationProblem } from './conservation.ts';
import { isReturnLane, priorityOf, publishLane, returnLane } from '../../../core/queue/state/lane.ts';
import {
  isPlain,
  type MessageMetadata,
  type SegmentSource,
} from '../../../core/queue/state/message-metadata.ts';
import {
  holdKey,
  laneState,
  noChanges,
  noCounters,
  readyCount,
  type QueueMachine,
} from '../../../core/queue/state/queue-machine.ts';
import {
  SegmentState,
  type LaneExtent,
  type StoredSegmentState,
} from '../../../core/queue/state/segment-state.ts';
import { QUEUE_DEFAULTS, type QueueConfig } from '../../../protocol/schemas/queues.ts';

/** The time of a command, of the deliveries before it, and the end of their leases, in ms. */
export const NOW = 100;
export const LEASED_SINCE = 50;
export const LEASED_UNTIL = 200;
export const MESSAGE_BYTES = 10;

interface DrawnMessage {
  state: string;
  count: number | null;
  failures: number;
  expiresAtMs: number;
  metadata: MessageMetadata;
}

/** A machine with its stored messages. */
export interface DrawnQueue {
  machine: QueueMachine;
  source: SegmentSource;
  /** All segments that were drawn, by lane. */
  extents: Map<number, LaneExtent[]>;
  /** The stored states of the segments as they were drawn, to see which changed. */
  before: Map<string, string>;
  /** The lanes that had a last segment. */
  tails: Set<number>;
}

const WORD =
  /^(?<state>[-.r]|[A-Z])(?<count>\d+)?(?:!(?<failures>\d+))?(?:@(?<until>\d+))?(?::(?<key>\w+))?(?:=(?<time>\d+))?(?:<(?<ttl>\d+))?(?:~(?<before>\d+)\.(?<failed>\d+))?(?<dead>\+)?(?<damage>#)?$/;

/** Builds the machine of a picture. A dead letter has a place to go to, unless `config` says that it has none. */
export function drawQueue(picture: string, config: Partial<QueueConfig> = {}): DrawnQueue {
  const machine: QueueMachine = {
    config: {
      ...QUEUE_DEFAULTS,
      retry: { schedule_ms: [10, 20] },
      dead_letter: { queue: 'dead' },
      ...config,
    },
    isPaused: false,
    lanes: [],
    leased: 0,
    returned: 0,
    parked: 0,
    parkedBytes: 0,
    busyKeys: new Map(),
    earliestExpiryMs: Infinity,
    endedLeases: new Map(),
    nextExpiryMs: Infinity,
    arrivedFrom: null,
    dedup: new DedupWindow(),
    activeConsumer: null,
    counters: noCounters(),
    changes: noChanges(),
  };
  const extents = new Map<number, LaneExtent[]>();
  const metadata = new Map<string, MessageMetadata>();
  const before = new Map<string, string>();
  for (const text of picture.split(';')) {
    const [, label, body] = /^\s*(?:(\d+r?)>)?(.*)$/s.exec(text)!;
    const lane = laneOfLabel(label ?? '0');
    extents.set(lane, drawLane(machine, lane, body!, metadata, before));
  }
  machine.counters.published = readyCount(machine) + machine.leased;
  const source: SegmentSource = {
    extentAt: (lane, offset) => extents.get(lane)?.find(({ nextOffset }) => nextOffset > offset) ?? null,
    metadata:
      ({ lane }) =>
      (offset) =>
        metadata.get(`${lane}/${offset}`)!,
    isDamaged: ({ lane, baseOffset, nextOffset }) => {
      for (let at = baseOffset; at < nextOffset; at++) {
        if (metadata.get(`${lane}/${at}`)!.damage !== undefined) return true;
      }
      return false;
    },
  };
  const tails = new Set(machine.lanes.flatMap((lane) => (lane?.tail ? [lane.lane] : [])));
  return { machine, source, extents, before, tails };
}

function drawLane(
  machine: QueueMachine,
  number: number,
  body: string,
  metadata: Map<string, MessageMetadata>,
  before: Map<string, string>,
): LaneExtent[] {
  const lane = laneState(machine, number);
  const extents: LaneExtent[] = [];
  for (const text of body.split('/')) {
    const words = text.split(/\s+/).filter((word) => word !== '');
    if (words.length === 0) continue;
    const messages = words.map(messageOf);
    const baseOffset = lane.nextOffset;
    const extent: LaneExtent = {
      lane: number,
      baseOffset,
      nextOffset: baseOffset + messages.length,
      position: baseOffset * MESSAGE_BYTES,
      bytes: messages.length * MESSAGE_BYTES,
      // A batch may be damaged after it was found to be plain.
      isPlain: messages.every(({ metadata: { damage: _damage, ...of } }) => isPlain(of)),
    };
    extents.push(extent);
    messages.forEach((message, at) => metadata.set(`${number}/${baseOffset + at}`, message.metadata));
    lane.nextOffset = extent.nextOffset;
    lane.nextPosition = extent.position + extent.bytes;
    const backlogAt = messages.findIndex(({ state }) => state === '.');
    const looked = backlogAt === -1 ? messages.length : backlogAt;
    const isBehind = looked > 0 && lane.cursor < baseOffset;
    if (isBehind || messages.slice(looked).some(({ state }) => state !== '.'))
      throw new Error(`a message after the backlog was looked at: ${body}`);
    if (looked > 0) {
      lane.cursor = baseOffset + looked;
      lane.cursorPosition = lane.cursor * MESSAGE_BYTES;
    }
    const segment = segmentOf(extent, messages.slice(0, looked));
    if (looked > 0 && !segment.isComplete) {
      lane.inFlight.push(segment);
      before.set(`${number}/${baseOffset}`, JSON.stringify(segment.toStored()));
      machine.leased += segment.leased;
      machine.returned += segment.returned;
      for (const { start, end, expiresAtMs } of segment.leases) {
        machine.earliestExpiryMs = Math.min(machine.earliestExpiryMs, expiresAtMs);
        for (let at = start; at < end; at++) holdKey(machine, messages[at - baseOffset]!.metadata.key);
      }
    }
  }
  const last = extents.at(-1);
  const isOver = last && lane.cursor === last.nextOffset && lane.inFlight.at(-1)?.extent !== last;
  const { nextOffset = 0, baseOffset = 0, position = 0, bytes = 0 } = last ?? {};
  if (last && !isOver)
    lane.tail = { baseOffset, nextOffset, maxTimestamp: 0, maxTimestampSoFar: 0, position, bytes };
  return extents;
}

function segmentOf(extent: LaneExtent, looked: readonly DrawnMessage[]): SegmentState {
  const segment = new SegmentState(extent);
  segment.cursor = extent.baseOffset + looked.length;
  looked.forEach(({ state, count, failures, expiresAtMs }, at) => {
    const start = extent.baseOffset + at;
    if (state === '-') segment.settle(start, start + 1);
    if (/[A-Z]/.test(state))
      segment.lease({ start, end: start + 1, expiresAtMs, consumerId: state, sinceMs: LEASED_SINCE });
    const deliveries = count ?? 1;
    const isNoted = state === 'r' ? deliveries > 0 : state !== '-' && (count !== null || failures > 0);
    const times = failures > 0 ? { firstMs: 1, lastMs: 2 } : { firstMs: 0, lastMs: 0 };
    if (isNoted) segment.noteAttempts(start, { deliveries, failures, ...times });
  });
  return segment;
}

function messageOf(word: string): DrawnMessage {
  const found = WORD.exec(word)?.groups;
  if (!found) throw new Error(`no message is drawn like this: ${word}`);
  const { state, count, failures, until, key, time, ttl, before, failed, dead, damage } = found;
  return {
    state: state!,
    count: count === undefined ? null : Number(count),
    failures: Number(failures ?? 0),
    expiresAtMs: Number(until ?? LEASED_UNTIL),
    metadata: {
      timestampMs: Number(time ?? 0),
      expirationMs: ttl === undefined ? null : Number(ttl),
      key: key ?? null,
      deliveriesBefore: Number(before ?? 0),
      failuresBefore: Number(failed ?? 0),
      isDeadLetter: dead !== undefined,
      ...(damage !== undefined && { damage: 'the checksum does not match' }),
    },
  };
}

/** Draws the machine, without what the messages carry. */
export function pictureOf({ machine, extents }: DrawnQueue): string {
  const lanes = [...extents].sort(([a], [b]) => b - a);
  const isAlone = lanes.length === 1 && lanes[0]![0] === 0;
  return lanes
    .map(([number, segments]) => {
      const words = segments.map((extent) => wordsOfSegment(machine, extent).join(' ')).join(' / ');
      return isAlone ? words : `${labelOf(number)}> ${words}`;
    })
    .join(' ; ');
}

function wordsOfSegment(
  machine: QueueMachine,
  { lane: number, baseOffset, nextOffset }: LaneExtent,
): string[] {
  const lane = machine.lanes[number]!;
  const segment = lane.inFlight.find(({ extent }) => extent.baseOffset === baseOffset);
  return Array.from({ length: nextOffset - baseOffset }, (_, nth) => {
    const offset = baseOffset + nth;
    if (offset >= lane.cursor) return '.';
    if (!segment || segment.isSettled(offset)) return '-';
    const lease = segment.leaseAt(offset);
    const attempts = segment.attemptsOf(offset);
    const count = attempts?.deliveries ?? (lease ? 1 : 0);
    const failed = attempts?.failures ? `!${attempts.failures}` : '';
    const until = lease && lease.expiresAtMs !== LEASED_UNTIL ? `@${lease.expiresAtMs}` : '';
    return `${lease?.consumerId ?? 'r'}${count === 1 ? '' : count}${failed}${until}`;
  });
}

export function laneOfLabel(label: string): number {
  const priority = parseInt(label, 10);
  return label.endsWith('r') ? returnLane(priority) : publishLane(priority);
}

export function labelOf(lane: number): string {
  return `${priorityOf(lane)}${isReturnLane(lane) ? 'r' : ''}`;
}

/** `3`, or `2>3` for a message of a lane other than the lowest. */
export function placeText(lane: number, offset: number): string {
  return lane === 0 ? String(offset) : `${labelOf(lane)}>${offset}`;
}

/** What the machine put aside for the rows and the shell, in words. */
export function effectsOf({ machine }: DrawnQueue): string {
  const { parked, dead, purged } = machine.changes;
  const failed = (failures = 0): string => (failures > 0 ? ` !${failures}` : '');
  return [
    ...parked.map(
      ({ extent, offset, dueMs, attempts }) =>
        `${placeText(extent.lane, offset)} parked until ${dueMs}${failed(attempts?.failures)}`,
    ),
    ...dead.map(
      ({ extent, offset, reason, attempts }) =>
        `${placeText(extent.lane, offset)} ${reason}${failed(attempts?.failures)}`,
    ),
    ...purged.map(({ lane, from }) => `purged from ${placeText(lane, from)}`),
    ...(machine.nextExpiryMs === Infinity ? [] : [`look at ${machine.nextExpiryMs}`]),
    ...[...machine.endedLeases].map(([consumer, count]) => `${consumer} lost ${count}`),
  ].join(', ');
}

/** What is wrong with a machine that has carried out a command; null where nothing is. Holds after every row. */
export function problemOf({ machine, source, before, tails }: DrawnQueue): string | null {
  const problem = conservationProblem(machine) ?? keyProblem(machine, source);
  if (problem !== null) return problem;
  const { touched, completed, ended } = machine.changes;
  const kept = new Set<string>();
  for (const lane of machine.lanes) {
    for (const segment of lane?.inFlight ?? []) {
      const name = `${segment.extent.lane}/${segment.extent.baseOffset}`;
      kept.add(name);
      const stored = JSON.stringify(segment.toStored());
      const again = new SegmentState(segment.extent, JSON.parse(stored) as StoredSegmentState);
      if (JSON.stringify(again.toStored()) !== stored) return `segment ${name} is read as another one`;
      const isNew = segment.cursor === segment.extent.baseOffset; // was looked up, and nothing was taken from it
      if (!isNew && stored !== before.get(name) && !touched.has(segment))
        return `segment ${name} is not written`;
    }
    if (lane && lane.tail === null && tails.has(lane.lane) && !ended.has(lane))
      return `the end of lane ${lane.lane} is not kept`;
  }
  const removed = new Set([...completed].map(({ extent }) => `${extent.lane}/${extent.baseOffset}`));
  for (const name of before.keys()) {
    if (!kept.has(name) && !removed.has(name)) return `segment ${name} is not removed`;
  }
  for (const segment of touched) if (completed.has(segment)) return 'a segment that is removed is written';
  return null;
}

/** A key is in use by each message that is leased or waits for a retry, and by no other. */
function keyProblem(machine: QueueMachine, source: SegmentSource): string | null {
  const expected = new Map<string, number>();
  const hold = (extent: LaneExtent, offset: number): void => {
    const { key } = source.metadata(extent)(offset);
    if (key !== null) expected.set(key, (expected.get(key) ?? 0) + 1);
  };
  for (const lane of machine.lanes) {
    for (const { extent, leases } of lane?.inFlight ?? []) {
      for (const { start, end } of leases) for (let at = start; at < end; at++) hold(extent, at);
    }
  }
  for (const { extent, offset } of machine.changes.parked) hold(extent, offset);
  const text = (keys: Map<string, number>): string => JSON.stringify([...keys].sort());
  if (text(expected) === text(machine.busyKeys)) return null;
  return `keys ${text(machine.busyKeys)} are in use, but messages hold ${text(expected)}`;
}
