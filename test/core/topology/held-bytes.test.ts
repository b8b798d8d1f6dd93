/** Which retention by size a topic may have: what an object holds, and any with a bucket that the topic may use. */

import { expect, it } from 'vitest';
import { checkHeldBytes } from '../../../core/topology/held-bytes.ts';
import { TOPIC_DEFAULTS, type TopicConfig } from '../../../protocol/schemas/topics.ts';

const MAX = 1_000;

const CASES: [
  retention: number | null,
  hasBucket: boolean,
  config: Partial<TopicConfig>,
  isTaken: boolean,
][] = [
  [null, false, {}, true],
  [MAX, false, {}, true],
  [MAX + 1, false, {}, false],
  [1e12, true, {}, true],
  [1e12, true, { hot_bytes: null }, false],
  [1e12, true, { jurisdiction: 'eu' }, false],
  [1e12, true, { cleanup_policy: 'compact,delete' }, false],
  [1e12, false, { cleanup_policy: 'compact' }, true],
];

it.each(CASES)('retention_bytes %s, bucket %s, %o: %s', (retention, hasBucket, config, isTaken) => {
  const failure = checkHeldBytes(
    { ...TOPIC_DEFAULTS, ...config, retention_bytes: retention },
    { objectBytesMax: MAX, hasBucket },
  );
  if (isTaken) return expect(failure).toBeNull();
  expect(failure).toMatchObject({ code: 'retention_unavailable', details: { bytes_max: MAX } });
  expect(failure!.message).toContain(hasBucket ? 'hot_bytes' : 'OBJECTS');
});
