/**
 * `npm run bench`: figures as ratios within one run, against a bare Durable Object in the same local runtime. Each round
 * is a fresh runtime, the order of the two is reversed every round, and the raw rounds are printed and kept.
 *
 *   --json          one JSON document and nothing else
 *   --records N     records a round (default 1,000,000)
 *   --rounds N      default 5
 *   --messages N    messages a round through a queue (default 500,000)
 *   --only log|queue|awaited|cold|connections|backlog|routing|transactions|levels|retries|access|tenants|push|kafka|tier|amqp|processor
 *   --tokens N      tokens of the deployment where access is measured (default 1,000)
 *   --before REF    only log and queue, in turn with the state of a git commit: ratios now over before; with --only processor
 *                   processor time instead, which compares on a busy machine too
 *   --peers         only Posthorn beside RabbitMQ, NATS, Kafka and BullMQ, those that are installed (see scripts/peers); writes
 *                   docs/performance.md, unless --quick is given too
 *   --quick         100,000 records, 1 round, small sizes: to see that it runs
 *
 * The queue is compared with RabbitMQ if that is installed (`apt-get install rabbitmq-server`).
 */

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import {
  BATCH_RECORDS,
  benchLog,
  benchLongPoll,
  benchMemory,
  RECORD_BYTES,
  type LogResult,
} from './log/log.ts';
import { benchKafka, printKafka } from './kafka.ts';
import { benchLevels, printLevels } from './log/levels.ts';
import { BACKLOG_DEFAULTS, BACKLOG_QUICK, benchBacklog, printBacklog } from './queue/queue-backlog.ts';
import { benchQueue, type QueueResult } from './queue/queue.ts';
import { benchFailing, printFailing } from './queue/retries-runtime.ts';
import { benchAwaited, printAwaited } from './awaited.ts';
import { benchAmqp, printAmqp } from './amqp.ts';
import { benchAccess, printAccess } from './access/access.ts';
import { benchCold, printCold } from './cold.ts';
import { benchConnections, printConnections } from './connections.ts';
import { benchBefore, printBefore } from './before.ts';
import { benchTenants, printTenants } from './access/tenants.ts';
import { benchPeers } from './peers/compare.ts';
import { printPeers, writePerformancePage } from './peers/page.ts';
import { benchProcessor, printProcessor } from './processor/processor.ts';
import { benchPush, printPush } from './queue/push.ts';
import { benchTier, printTier } from './tier.ts';
import { benchTransactions, printTransactions } from './log/transactions.ts';
import { benchRouting, type RoutingResult } from './routing.ts';
import { readOptions } from '../scripts/command/options.ts';

const options = readOptions(import.meta.filename, {
  json: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  records: { type: 'string' },
  rounds: { type: 'string' },
  messages: { type: 'string' },
  only: { type: 'string' },
  before: { type: 'string' },
  tokens: { type: 'string' },
  peers: { type: 'boolean', default: false },
});

const records = Number(options.records ?? (options.quick ? 100_000 : 1_000_000));
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const progress = (text: string): void => {
  if (!options.json) process.stderr.write(process.stderr.isTTY ? `\r\x1b[2K${text}` : `${text}\n`);
};

const messages = Number(options.messages ?? (options.quick ? 20_000 : 500_000));
const withRabbitmq = existsSync('/usr/lib/rabbitmq/bin/rabbitmq-server');

const isWanted = (part: string): boolean =>
  options.before === undefined && !options.peers && (options.only === undefined || options.only === part);
const isOfProcessor = options.only === 'processor';
const processor =
  isOfProcessor && !options.peers
    ? await benchProcessor(options.before ?? null, rounds, options.quick, progress)
    : null;
const before =
  options.before === undefined || isOfProcessor
    ? null
    : await benchBefore(options.before, { records, messages, rounds }, progress);
const peers = options.peers
  ? await benchPeers(
      {
        awaited: options.quick ? 40 : 400,
        messages: Number(options.messages ?? (options.quick ? 2_000 : 100_000)),
        records: Number(options.records ?? (options.quick ? 10_000 : 500_000)),
        rounds: Math.min(rounds, 3),
      },
      progress,
    )
  : null;
const log = isWanted('log') ? await benchLog(records, rounds, progress) : null;
const memorySizes = options.quick ? [10_000, 100_000] : [10_000, 1_000_000, 5_000_000];
const memory = isWanted('log') ? await benchMemory(memorySizes, progress) : null;
const longPoll = isWanted('log') ? await benchLongPoll(options.quick ? 20 : 200, progress) : null;
const queueRounds = Math.min(rounds, 3);
const queue = isWanted('queue') ? await benchQueue(messages, queueRounds, withRabbitmq, progress) : null;
const awaited = isWanted('awaited') ? await benchAwaited(options.quick ? 40 : 400, progress) : null;
const cold = isWanted('cold') ? await benchCold(options.quick ? 1 : rounds * 2, progress) : null;
const connections = isWanted('connections')
  ? await benchConnections(options.quick ? 500 : 10_000, rounds, progress)
  : null;
const backlogOptions = options.quick ? BACKLOG_QUICK : BACKLOG_DEFAULTS;
const backlog = isWanted('backlog') ? await benchBacklog(backlogOptions, progress) : null;
const routing = isWanted('routing') ? await benchRouting(progress) : null;
const transactions = isWanted('transactions') ? await benchTransactions(records, rounds, progress) : null;
const levelMessages = Number(options.messages ?? (options.quick ? 10_000 : 200_000));
const levels = isWanted('levels') ? await benchLevels(levelMessages, rounds, progress) : null;
const failing = isWanted('retries') ? await benchFailing(options.quick ? 5_000 : 100_000, progress) : null;
const tokens = Number(options.tokens ?? (options.quick ? 10 : 1_000));
const access = isWanted('access') ? await benchAccess(rounds, tokens, progress) : null;
const tenants = isWanted('tenants')
  ? await benchTenants(options.quick ? 200 : 1_000, queueRounds, progress)
  : null;
const push = isWanted('push') ? await benchPush(options.quick ? 500 : 5_000, progress) : null;
const amqpOptions = {
  messages: Number(options.messages ?? (options.quick ? 5_000 : 50_000)),
  rounds: Math.min(rounds, 3),
  awaited: options.quick ? 40 : 400,
  connections: options.quick ? 50 : 1_000,
  channels: 10,
};
const amqp = isWanted('amqp') && withRabbitmq ? await benchAmqp(amqpOptions, progress) : null;
const kafka = isWanted('kafka')
  ? await benchKafka(Math.min(records, 300_000), Math.min(rounds, 3), progress)
  : null;
const tier = isWanted('tier') ? await benchTier(records, rounds, progress) : null;
if (process.stderr.isTTY) progress('');
const report = {
  at: new Date().toISOString(),
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
  workload: { recordBytes: RECORD_BYTES, batchRecords: BATCH_RECORDS, records, rounds },
  before,
  peers,
  log,
  memory,
  longPoll,
  queue,
  awaited,
  cold,
  connections,
  backlog,
  routing,
  transactions,
  levels,
  failing,
  access,
  tenants,
  push,
  amqp,
  kafka,
  tier,
  processor,
};

const folder = join(import.meta.dirname, '../dist/bench');
await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'latest.json'), `${JSON.stringify(report, null, 2)}\n`);
if (peers && !options.quick) await writePerformancePage(peers, report.at);
if (options.json) console.log(JSON.stringify(report, null, 2));
else {
  if (before) printBefore(before);
  if (peers) printPeers(peers);
  if (log) print(log);
  if (queue) printQueue(queue);
  if (awaited) printAwaited(awaited);
  if (amqp) printAmqp(amqp);
  if (cold) printCold(cold);
  if (connections) printConnections(connections);
  if (backlog) printBacklog(backlog);
  if (routing) printRouting(routing);
  if (transactions) printTransactions(transactions);
  if (levels) printLevels(levels);
  if (failing) printFailing(failing);
  if (access) printAccess(access);
  if (tenants) printTenants(tenants);
  if (push) printPush(push);
  if (kafka) printKafka(kafka);
  if (tier) printTier(tier);
  if (processor) printProcessor(processor);
  console.log('written to dist/bench/latest.json');
}

function print({ rounds: raw, ratio, rowsWrittenPerBatch, cost }: LogResult): void {
  const dollars = (value: number): string => `$${value.toFixed(5)}`;
  console.log(
    `\nProduce and consume ${records.toLocaleString('en')} records of ${RECORD_BYTES} B, batches of ${BATCH_RECORDS}`,
  );
  console.table(
    raw.map((round) => ({
      ...round,
      produce: Math.round(round.produce),
      consume: Math.round(round.consume),
    })),
  );
  console.log(
    `ratio to the bare object:  produce ${ratio.produce.toFixed(2)}  consume ${ratio.consume.toFixed(2)}`,
  );
  console.log(`rows written per batch:    ${rowsWrittenPerBatch.toFixed(3)}`);
  console.log(`list price per million records:`);
  for (const [name, { rows, requests, duration, total }] of Object.entries(cost)) {
    console.log(
      `  ${name}  ${dollars(total)}  (rows ${dollars(rows)}, requests ${dollars(requests)}, duration ${dollars(duration)})`,
    );
  }
  console.log('\nMemory of the runtime as one partition grows');
  console.table(memory);
  console.log('A waiting reader');
  console.table([longPoll]);
}

function printQueue({ messages: count, rounds: raw, ratioToRabbitmq }: QueueResult): void {
  console.log(
    `\nPublish, deliver and ack ${count.toLocaleString('en')} messages, a window of 1,000 on both sides`,
  );
  console.table(raw.map((round) => ({ ...round, rate: Math.round(round.rate) })));
  if (ratioToRabbitmq === null) console.log('RabbitMQ is not installed, so there is nothing to compare with');
  else console.log('ratio to a RabbitMQ quorum queue:', ratioToRabbitmq);
}

function printRouting({ sizes, alone, published }: RoutingResult): void {
  console.log(`\nRouting with ${sizes.join(' and ')} bindings, two matches a message`);
  console.table(
    alone.map(({ name, keys, nsPerMessage: [few, many], ratio }) => ({ name, keys, few, many, ratio })),
  );
  console.log(
    `published over HTTP, messages/s: ${published.rates.join(' and ')}; time ratio ${published.ratio}`,
  );
}
