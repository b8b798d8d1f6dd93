/** Reports of objects that hold nothing, to be changed by tests. */

import { NO_COUNTERS } from '../../../../core/overview/counters.ts';
import type { ObjectReport } from '../../../../core/overview/object-report.ts';

type Of<Kind> = Extract<ObjectReport, { kind: Kind }>;

const common = { name: 'a', id: 1, wake: 1, number: 1, counters: NO_COUNTERS };

export function queueReport(fields: Partial<Of<'queue'>> = {}): Of<'queue'> {
  const counts = { ready: 0, leased: 0, parked: 0, outgoing: 0, bytes: 0, stored_bytes: 0, consumers: 0 };
  const state = {
    is_paused: false,
    is_full: false,
    outgoing_problem: null,
    dead_letter_queue: null,
    oldest_ms: null,
    firing: [],
  };
  return { ...common, kind: 'queue', ...fields, state: { ...counts, ...state, ...fields.state } };
}

export function partitionReport(fields: Partial<Of<'partition'>> = {}): Of<'partition'> {
  const state = { high_watermark: 0, log_start_offset: 0, size_bytes: 0, stored_bytes: 0 };
  const whole = { ...state, damaged_batches: 0, groups: [], ...fields.state };
  return { ...common, kind: 'partition', partition: 0, jurisdiction: null, ...fields, state: whole };
}
