/** Reports of objects: their keys, and which of them a deletion removes. */

import { describe, expect, it } from 'vitest';
import { isForgotten, keyOf } from '../../../core/overview/object-report.ts';
import { partitionReport, queueReport } from './support/reports.ts';

describe('a report', () => {
  it('has a key that no other object has', () => {
    expect(keyOf(queueReport({ name: 'a', id: 1 }))).toBe('q a#1');
    expect(keyOf(partitionReport({ name: 'a', id: 1, partition: 3 }))).toBe('p a#1 3');
  });

  it('leaves with its queue or topic, and with later ones of the name', () => {
    const [queue, partition] = [queueReport({ name: 'a', id: 2 }), partitionReport({ name: 'a', id: 2 })];
    expect(isForgotten({ kind: 'queue', name: 'a', id: 2 }, queue)).toBe(true);
    expect(isForgotten({ kind: 'queue', name: 'a', id: 1 }, queue)).toBe(false);
    expect(isForgotten({ kind: 'queue', name: 'b', id: 2 }, queue)).toBe(false);
    expect(isForgotten({ kind: 'queue', name: 'a', id: 2 }, partition)).toBe(false);
    expect(isForgotten({ kind: 'topic', name: 'a', id: 3 }, partition)).toBe(true);
  });
});
