/** Record-batch codec: all that other folders use of it. header.ts describes the format. */

export { crc32c } from './primitives/crc32c.ts';
export {
  decodeControlRecord,
  encodeControlRecord,
  encodeEndTransactionBatch,
  type EndTransactionMarker,
} from './control.ts';
export { decodeOpen, decodeRecords, eachKeyOpen, eachRecordKey, visitOpen } from './decode.ts';
export { encodeBatch, recordSizeUpperBound, type EncodeOptions } from './encode.ts';
export { decodeRecordsAsync, gzipBatch, openSoundBatch, visitRecordsAsync } from './inflate/gzip.ts';
export {
  BATCH_OVERHEAD,
  readBatchHeader,
  setBaseOffset,
  setProducer,
  splitBatches,
  stampAppendTime,
  type LocatedBatch,
} from './header.ts';
export {
  isDamaged,
  isSoundBatch,
  surveyBatches,
  type DamagedBytes,
  type SoundBatch,
  type StoredPiece,
} from './stored/survey.ts';
export { InflateBudget } from './inflate/inflate-budget.ts';
export { inflateLz4 } from './inflate/lz4.ts';
export { inflateSnappy } from './inflate/snappy.ts';
export { openBatch, type OpenBatch } from './open-batch.ts';
export { groupRecords, packBatches, type BatchLimits } from './pack.ts';
export { orThrow, recordsAt, recordsIn } from './read-records.ts';
export { retainRecords, type RetainCodec } from './stored/retain.ts';
export {
  INFLATED_BYTES_MAX,
  isBatchFailure,
  type BatchFailure,
  type BatchFailureCode,
  type BatchHeader,
  type Compression,
  type Deflate,
  type Inflate,
  type InflateOptions,
  type LogRecord,
  type RecordHeader,
  type RecordInput,
  type RecordKey,
  type TimestampType,
} from './types.ts';
export { largestRecord, verifyBatch, verifyOpen, type VerifyOptions } from './verify.ts';
