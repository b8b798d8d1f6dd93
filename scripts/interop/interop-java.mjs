/**
 * Proves the record-batch codec and murmur2 against Kafka's own Java client, both ways, with thousands of seeded cases.
 *
 *   npm run interop:java -- [--cases 3000] [--seed 1] [--write-vectors]
 *
 * Needs Java 17 and Maven (kafka-clients comes from Maven Central into .interop/), and Node 24 for the .ts imports.
 * Prints `N passed, 0 failed` and exits 1 if any case failed. With --write-vectors it writes the small golden vectors
 * of test/protocol/vectors/ instead, which `npm test` reads without Java.
 */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import fc from 'fast-check';
import {
  encodeBatch,
  encodeEndTransactionBatch,
  gzipBatch,
  isBatchFailure,
  retainRecords,
  setBaseOffset,
  setProducer,
  splitBatches,
  stampAppendTime,
  verifyBatch,
} from '../../protocol/record-batch/index.ts';
import { murmur2, partitionForKey } from '../../protocol/murmur2.ts';
import { options, records } from '../../test/protocol/record-batch/support/arbitraries.ts';
import { concat, deflate, fixCrc, inflate } from '../../test/protocol/record-batch/support/helpers.ts';
import { checkBatchVector, describeAll } from '../../test/interop/describe.ts';

const KAFKA_CLIENTS = '4.1.0';
const SLF4J = '1.7.36';

const root = join(import.meta.dirname, '../..');
const jars = join(root, '.interop');
const { values: args } = parseArgs({
  options: {
    cases: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    'write-vectors': { type: 'boolean', default: false },
  },
});
const cases = Number(args.cases);
const seed = Number(args.seed);

const tally = new Map();
let shown = 0;

function check(what, ok, detail) {
  const counts = tally.get(what) ?? { passed: 0, failed: 0 };
  tally.set(what, counts);
  if (ok) counts.passed++;
  else counts.failed++;
  if (!ok && shown++ < 10) console.error(`FAILED ${what}: ${detail()}`);
}

function fetchJar(group, artifact, version) {
  const jar = join(jars, `${artifact}-${version}.jar`);
  if (!existsSync(jar)) {
    mkdirSync(jars, { recursive: true });
    const copied = spawnSync(
      'mvn',
      [
        '-q',
        '-B',
        'dependency:copy',
        `-Dartifact=${group}:${artifact}:${version}`,
        `-DoutputDirectory=${jars}`,
      ],
      { cwd: jars, stdio: 'inherit' },
    );
    if (copied.status !== 0) throw new Error(`could not fetch ${artifact} ${version} with mvn`);
  }
  return jar;
}

/** Runs the Java program; yields the JSON objects of its output. */
async function* java(programArgs, input) {
  const classpath = [
    fetchJar('org.apache.kafka', 'kafka-clients', KAFKA_CLIENTS),
    fetchJar('org.slf4j', 'slf4j-api', SLF4J),
  ].join(':');
  const child = spawn(
    'java',
    ['-cp', classpath, join(root, 'test/interop/RecordBatchInterop.java'), ...programArgs],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let errors = '';
  child.stderr.on('data', (data) => (errors += data));
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line);
  const status = await ended;
  if (status !== 0) throw new Error(`java ended with ${status}\n${errors}`);
}

// ---- what Java writes, we read

async function readJava() {
  for await (const vector of java(['generate', String(seed), String(cases), String(cases)])) {
    if (vector.kind === 'murmur2') {
      const key = Buffer.from(vector.key, 'base64');
      check(
        'murmur2',
        murmur2(key) === vector.hash,
        () => `key ${vector.key}: ${murmur2(key)}, Java ${vector.hash}`,
      );
      const partition = partitionForKey(key, vector.partitions);
      check('partition', partition === vector.partition, () => `key ${vector.key}: ${partition}`);
    } else {
      const problems = checkBatchVector(vector);
      check(`${vector.described.compression} batch read`, problems.length === 0, () => problems.join('; '));
    }
  }
}

// ---- what we write, Java reads

/** Ours in every state that a batch passes through: `{what, bytes, mask?}`. */
async function* ourBatches() {
  const generated = fc.sample(fc.tuple(records, options, fc.nat(), fc.nat(2 ** 42)), {
    numRuns: cases,
    seed,
  });
  for (const [input, opts, mask, number] of generated) {
    const encoded = encodeBatch(input, opts);
    yield { what: 'encoded', bytes: encoded, mask };
    const batch = encoded.slice();
    setBaseOffset(batch, 0, number);
    yield { what: 'setBaseOffset', bytes: batch.slice(), mask };
    const zipped = await gzipBatch(batch);
    yield { what: 'gzipBatch', bytes: zipped, mask };
    yield { what: 'several batches', bytes: concat(encoded, batch, zipped) };
    setProducer(batch, 0, { id: number, epoch: mask & 0x7fff, sequence: mask });
    yield { what: 'setProducer', bytes: batch.slice() };
    stampAppendTime(batch, 0, number);
    yield { what: 'stampAppendTime', bytes: batch.slice(), mask };
    stampAppendTime(zipped, 0, number);
    yield { what: 'stampAppendTime on gzip', bytes: zipped };
    yield {
      what: 'encodeEndTransactionBatch',
      bytes: encodeEndTransactionBatch(
        { type: mask & 1 ? 'commit' : 'abort', coordinatorEpoch: mask },
        { producerId: number, producerEpoch: mask & 0x7fff, timestamp: number, baseOffset: mask },
      ),
    };
  }
}

function keepByMask(bytes, mask) {
  const [{ header }] = splitBatches(bytes);
  return retainRecords(bytes, 0, (r) => (mask >> ((r.offset - header.baseOffset) % 31)) % 2 === 1, {
    inflate,
    deflate,
  });
}

/** Java's cleaner encodes anew, so the size, CRC and base of deltas differ; nothing else may. */
const withoutEncoding = (batch) => ({ ...batch, sizeInBytes: 0, crc: 0 });

/**
 * Java and the web's TextDecoder put different numbers of U+FFFD for the same malformed UTF-8 in a header name. Both call
 * it malformed in the same place, which is what is compared.
 */
const withNamesMended = (batches) =>
  batches?.map((batch) => ({
    ...batch,
    records: batch.records.map((record) => ({
      ...record,
      headers: record.headers.map(([name, value]) => [name.replaceAll(/\ufffd+/g, '\ufffd'), value]),
    })),
  }));

async function letJavaRead() {
  const sent = [];
  for await (const batch of ourBatches()) {
    sent.push(batch);
    if (batch.mask === undefined) continue;
    const kept = keepByMask(batch.bytes, batch.mask);
    if (kept instanceof Uint8Array) sent.push({ what: 'retainRecords', bytes: kept });
  }
  const lines = sent.map(({ bytes, mask }, id) => {
    const base64 = Buffer.from(bytes).toString('base64');
    return `${id}\t${base64}${mask === undefined ? '' : `\t${mask}`}\n`;
  });
  for await (const answer of java(['read'], lines.join(''))) {
    const { what, bytes, mask } = sent[answer.id];
    const ours = describeAll(bytes);
    check(
      what,
      isDeepStrictEqual(answer.batches, ours),
      () => answer.error ?? difference(answer.batches, ours),
    );
    if (mask === undefined) continue;
    const kept = keepByMask(bytes, mask);
    const left = kept === null ? [] : describeAll(kept === 'unchanged' ? bytes : kept);
    const same = isDeepStrictEqual(answer.filtered?.map(withoutEncoding), left.map(withoutEncoding));
    check("as Kafka's log cleaner", same, () => answer.error ?? difference(answer.filtered, left));
  }
}

// ---- what we accept of tampered batches, Java reads likewise

async function compareVerdicts() {
  const change = fc.tuple(fc.nat(300), fc.oneof(fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xff), fc.nat(255)));
  const generated = fc.sample(fc.tuple(records, options, fc.array(change, { minLength: 1, maxLength: 3 })), {
    numRuns: cases * 4,
    seed: seed + 1,
  });
  const sent = generated.map(([input, opts, changes]) => {
    const bytes = encodeBatch(input, opts);
    // After the fixed header, mostly: a change there alone would rarely be the interesting one.
    for (const [at, value] of changes)
      bytes[at % 5 === 0 ? 23 + (at % 38) : 61 + (at % (bytes.length - 61))] = value;
    fixCrc(bytes);
    return bytes;
  });
  const lines = sent.map((bytes, id) => `${id}\t${Buffer.from(bytes).toString('base64')}\n`);
  let accepted = 0;
  let stricter = 0;
  for await (const answer of java(['read'], lines.join(''))) {
    const bytes = sent[answer.id];
    if (isBatchFailure(verifyBatch(bytes, 0))) {
      // No check: we are stricter than Java's reader: offset deltas, maxTimestamp, timestamps before 1970, numbers
      // beyond 2^53, producer fields that contradict each other, lengths below -1.
      if (answer.batches !== undefined) stricter++;
      continue;
    }
    accepted++;
    const [theirs, ours] = [withNamesMended(answer.batches), withNamesMended(describeAll(bytes))];
    const same = isDeepStrictEqual(theirs, ours);
    check('tampered and accepted', same, () => answer.error ?? difference(theirs, ours));
  }
  console.log(
    `of ${sent.length} tampered batches we accept ${accepted}; Java would read ${stricter} that we refuse`,
  );
}

/** Both as JSON, from a little before where they part. */
function difference(java, ours) {
  const [a, b] = [JSON.stringify(java) ?? 'nothing', JSON.stringify(ours)];
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const from = Math.max(0, at - 100);
  return `\n  java ...${a.slice(from, at + 200)}\n  ours ...${b.slice(from, at + 200)}`;
}

// ---- main

async function writeVectors() {
  const folder = join(root, 'test/protocol/vectors');
  const lines = { batches: [], murmur2: [] };
  for await (const vector of java(['generate', String(seed), '90', '100'])) {
    (vector.kind === 'murmur2' ? lines.murmur2 : lines.batches).push(JSON.stringify(vector));
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'record-batch.jsonl'), `${lines.batches.join('\n')}\n`);
  writeFileSync(join(folder, 'murmur2.jsonl'), `${lines.murmur2.join('\n')}\n`);
  console.log(
    `wrote ${lines.batches.length} batches and ${lines.murmur2.length} keys by kafka-clients ${KAFKA_CLIENTS}`,
  );
}

if (args['write-vectors']) {
  await writeVectors();
} else {
  await readJava();
  await letJavaRead();
  await compareVerdicts();
  let [passed, failed] = [0, 0];
  for (const [what, counts] of tally) {
    console.log(`  ${what}: ${counts.passed} passed, ${counts.failed} failed`);
    passed += counts.passed;
    failed += counts.failed;
  }
  console.log(`${passed} passed, ${failed} failed (seed ${seed}, kafka-clients ${KAFKA_CLIENTS})`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
