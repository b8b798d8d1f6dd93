/** Generated batches for the property tests: every shape that the format allows, weighted towards the odd ones. */

import fc from 'fast-check';
import type { EncodeOptions, RecordHeader, RecordInput } from '../../../../protocol/record-batch/index.ts';
import { anyText } from '../../../support/any-text.ts';

/** Around every size at which a varint grows by a byte, and around zero. */
const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(63, 64, 65, 127, 128, 300, 8191, 8192).map((n) => new Uint8Array(n).fill(7)),
  },
);

export const nullableBytes = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant(new Uint8Array(0)) },
  { weight: 4, arbitrary: bytes },
);

/** Names with every length of UTF-8 sequence, a byte order mark, and few enough to repeat within a record. */
const headerName = fc.oneof(
  fc.constantFrom('', 'a', 'trace', 'ключ', '\ufeffbom', '日本', '🚀x', 'n'.repeat(70)),
  anyText({ maxLength: 8 }),
);

export const recordHeader: fc.Arbitrary<RecordHeader> = fc.record({ key: headerName, value: nullableBytes });

/** -1 is none; out of order and far apart, so that deltas are negative and long. */
export const timestamp = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.constantFrom(-1, 0, 1, 2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER - 1),
  fc.maxSafeNat().map((n) => Math.min(n, Number.MAX_SAFE_INTEGER - 1)),
);

export const record: fc.Arbitrary<RecordInput> = fc.record(
  {
    key: nullableBytes,
    value: nullableBytes,
    headers: fc.array(recordHeader, { maxLength: 4 }),
    timestamp,
  },
  { requiredKeys: ['key', 'value', 'timestamp'] },
);

export const records = fc.array(record, { minLength: 1, maxLength: 20 });

const noProducer: fc.Arbitrary<EncodeOptions> = fc.constant({});
const idempotentProducer: fc.Arbitrary<EncodeOptions> = fc.record({
  producerId: fc.maxSafeNat(),
  producerEpoch: fc.integer({ min: 0, max: 0x7fff }),
  baseSequence: fc.integer({ min: 0, max: 0x7fff_ffff }),
  isTransactional: fc.boolean(),
});

export const options: fc.Arbitrary<EncodeOptions> = fc
  .tuple(
    fc.oneof(noProducer, idempotentProducer),
    fc.record(
      {
        baseOffset: fc.oneof(
          fc.nat(),
          fc.maxSafeNat().map((n) => Math.min(n, Number.MAX_SAFE_INTEGER - 1000)),
        ),
        partitionLeaderEpoch: fc.integer({ min: -1, max: 0x7fff_ffff }),
        timestampType: fc.constantFrom('create' as const, 'append' as const),
        isControl: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([producer, rest]) => ({ ...producer, ...rest }));
