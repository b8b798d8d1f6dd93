/** What a topic refuses by its configuration, as a table. */

import { expect, it } from 'vitest';
import { checkTopicRecord, keyRequired } from '../../../core/topology/topic-record.ts';
import { BATCH_OVERHEAD, recordSizeUpperBound } from '../../../protocol/record-batch/index.ts';
import { TOPIC_DEFAULTS, type TopicConfig } from '../../../protocol/schemas/topics.ts';

const KEY = new Uint8Array([1]);
const recordOf = (key: Uint8Array | null) => ({ key, value: new Uint8Array(100), timestamp: 0, headers: [] });
const room = recordSizeUpperBound(recordOf(KEY)) + BATCH_OVERHEAD;

it.each<[Partial<TopicConfig>, Uint8Array | null, string | null, string]>([
  [{}, null, null, 'a topic takes a record'],
  [{}, KEY, null, 'with a key too'],
  [{ cleanup_policy: 'compact' }, KEY, null, 'a compacted one takes a record with a key'],
  [{ cleanup_policy: 'compact' }, null, 'key_required', 'but none without'],
  [{ cleanup_policy: 'compact,delete' }, null, 'key_required', 'also if it deletes by time'],
  [{ max_batch_bytes: room }, KEY, null, 'a record may fill a batch'],
  [{ max_batch_bytes: room - 1 }, KEY, 'record_too_large', 'but not be larger'],
  [{ cleanup_policy: 'compact', max_batch_bytes: 1 }, null, 'key_required', 'the key is checked first'],
])('%j', (config, key, code) => {
  const topic = { namespace: 'n', name: 't', id: 1, version: 1, config: { ...TOPIC_DEFAULTS, ...config } };
  expect(checkTopicRecord(topic, recordOf(key))?.code ?? null).toBe(code);
});

it('says how large a record may be', () => {
  const config = { ...TOPIC_DEFAULTS, max_batch_bytes: 100 };
  const refused = checkTopicRecord({ namespace: 'n', name: 't', id: 1, version: 1, config }, recordOf(KEY));
  expect(refused?.details).toEqual({ bytes_max: 100 - BATCH_OVERHEAD });
});

it('names the topic that needs a key', () => {
  expect(keyRequired({ name: 'orders' }).message).toContain('"orders"');
});
