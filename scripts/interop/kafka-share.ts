/**
 * Java's KafkaShareConsumer (KIP-932) against the gateway, and against Kafka: members that accept implicitly, that accept, release,
 * reject and renew, and one that is killed while it holds records.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { kafkaClassPath } from '../peers/kafka.ts';
import { producerOf } from './kafka-topic.ts';

const PROGRAM = join(import.meta.dirname, '../../test/interop/kafka/share/ShareMember.java');
const TOPIC = 'shared';
const PARTITIONS = 3;
const RECORDS = 600;
const LOCK_S = 15;
const RUN_MS_MAX = 100_000;

/** What a value has been told of: `record 1`, `renewed 1`, with the count of its delivery. */
type Seen = Map<string, string[]>;

interface Member {
  process: ChildProcess;
  words: string[];
}

/** @returns what was shown */
export async function consumeInShareGroup(address: string): Promise<string> {
  const producer = await producerOf(address, TOPIC, PARTITIONS);
  const send = async (count: number): Promise<void> => {
    const messages = Array.from({ length: count }, (_, nth) => ({
      value: String(nth),
      partition: nth % PARTITIONS,
    }));
    await producer.send({ topic: TOPIC, messages });
  };
  await send(RECORDS);
  const members: Member[] = [];
  const start = async (group: string, mode: string, seen: Seen): Promise<Member> => {
    const member = await memberOf([address, group, TOPIC, mode, String(LOCK_S)], seen);
    members.push(member);
    return member;
  };
  try {
    const implicit = await implicitly(start);
    const explicit = await explicitly(start);
    const killed = await withKill(start);
    return `${implicit}; ${explicit}; ${killed}`;
  } finally {
    for (const { process } of members) process.kill('SIGKILL');
    await producer.disconnect();
  }
}

type Start = (group: string, mode: string, seen: Seen) => Promise<Member>;

async function configured(start: Start, group: string): Promise<void> {
  const { process } = await start(group, 'configure', new Map());
  if (process.exitCode === null) await once(process, 'exit');
  if (process.exitCode !== 0) throw new Error(`the group ${group} cannot be configured`);
}

async function implicitly(start: Start): Promise<string> {
  const seen: Seen = new Map();
  await configured(start, 'implicit');
  const members = await Promise.all([1, 2, 3].map(() => start('implicit', 'implicit', seen)));
  await until(
    () => seen.size === RECORDS,
    () => `${seen.size} records`,
  );
  await Promise.all(members.map(leave));
  // Kafka frees records, without counting a delivery, when it moves their partition to another member.
  const twice = [...seen].filter(([, deliveries]) => deliveries.length > 1).length;
  const served = members.filter(({ words }) => words.some((word) => word.startsWith('record'))).length;
  return `${RECORDS} records by ${served} members that accept implicitly, ${twice} of them twice`;
}

async function explicitly(start: Start): Promise<string> {
  const seen: Seen = new Map();
  await configured(start, 'explicit');
  const members = await Promise.all([1, 2].map(() => start('explicit', 'explicit', seen)));
  const expected = (value: number): string => {
    if (value % 10 === 1) return 'record 1,record 2';
    return value % 10 === 2 ? 'record 1,renewed 1' : 'record 1';
  };
  const missing = (): number[] =>
    Array.from({ length: RECORDS }, (_, value) => value).filter(
      (value) => (seen.get(String(value)) ?? []).join() !== expected(value),
    );
  await until(
    () => missing().length === 0,
    () =>
      missing()
        .slice(0, 5)
        .map((value) => `${value}: ${seen.get(String(value))?.join()}`)
        .join('; '),
  );
  await Promise.all(members.map(leave));
  const failed = members.flatMap(({ words }) => words.filter((word) => word.startsWith('failed')));
  if (failed.length > 0) throw new Error(failed[0]);
  return 'released ones came again, rejected ones did not, renewed ones stayed locked';
}

async function withKill(start: Start): Promise<string> {
  const seen: Seen = new Map();
  await configured(start, 'killed');
  const holder = await start('killed', 'hold', seen);
  await until(
    () => holder.words.some((word) => word.startsWith('held')),
    () => 'nothing is held',
  );
  const held = holder.words.filter((word) => word.startsWith('held')).length;
  const beganMs = performance.now();
  holder.process.kill('SIGKILL');
  const others = await Promise.all([1, 2].map(() => start('killed', 'implicit', seen)));
  const handled = (): number =>
    [...seen.values()].filter((all) => all.some((one) => one.startsWith('record'))).length;
  await until(
    () => handled() === RECORDS,
    () => `${handled()} records`,
  );
  const seconds = Math.round((performance.now() - beganMs) / 1_000);
  await Promise.all(others.map(leave));
  return `of a killed member ${held} records came to others, all done after ${seconds} s`;
}

async function leave({ process, words }: Member): Promise<void> {
  process.stdin!.write('\n');
  if (process.exitCode === null) await once(process, 'exit');
  if (!words.includes('closed')) throw new Error('a member did not close in order');
}

async function memberOf(args: readonly string[], seen: Seen): Promise<Member> {
  const java = ['-Xmx256m', '-cp', await kafkaClassPath(), PROGRAM, ...args];
  const process = spawn('java', java, { stdio: ['pipe', 'pipe', 'ignore'] });
  const member: Member = { process, words: [] };
  createInterface(process.stdout!).on('line', (line) => {
    member.words.push(line);
    const [word, value, count] = line.split(' ') as [string, string, string];
    if (!['record', 'renewed', 'held'].includes(word)) return;
    seen.set(value, [...(seen.get(value) ?? []), `${word} ${count}`]);
  });
  return member;
}

async function until(isDone: () => boolean, described: () => string): Promise<void> {
  for (const endMs = performance.now() + RUN_MS_MAX; !isDone();) {
    if (performance.now() > endMs) throw new Error(`the share group does not go on: ${described()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
