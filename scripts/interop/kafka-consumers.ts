/**
 * Java's consumer with `group.protocol=consumer` (KIP-848) against the gateway, and against Kafka: three members of a group, of which one is killed
 * and one leaves.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { kafkaClassPath } from '../peers/kafka.ts';
import { producerOf } from './kafka-topic.ts';

const PROGRAM = join(import.meta.dirname, '../../test/interop/kafka/consumers/Member.java');
const TOPIC = 'consumed';
const PARTITIONS = 6;
const RECORDS = 1_200;
/** A killed member is missed for its session timeout of 45 s. */
const RUN_MS_MAX = 100_000;

interface Member {
  process: ChildProcess;
  /** How many partitions it was given last. */
  assigned: number;
}

/** @returns what was shown */
export async function consumeInGroup(address: string): Promise<string> {
  const producer = await producerOf(address, TOPIC, PARTITIONS);
  let sent = 0;
  const send = async (): Promise<void> => {
    const messages = Array.from({ length: RECORDS / 4 }, () => ({
      value: String(sent),
      partition: sent++ % PARTITIONS,
    }));
    await producer.send({ topic: TOPIC, messages });
  };
  const seen = new Map<string, number>();
  const members: Member[] = [];
  const start = async (): Promise<void> => {
    const member = await memberOf(address, (value) => seen.set(value, (seen.get(value) ?? 0) + 1));
    members.push(member);
  };
  const share = (): string => members.map(({ assigned }) => assigned).join();
  try {
    await start();
    await send();
    await until(
      () => share() === '6' && seen.size === sent,
      () => `${share()}, ${seen.size} records`,
    );
    await start();
    await start();
    await until(() => share() === '2,2,2', share);
    await send();
    await until(
      () => seen.size === sent,
      () => `${seen.size} records`,
    );
    const [killed] = members.splice(1, 1);
    killed!.process.kill('SIGKILL');
    await send();
    await until(
      () => share() === '3,3' && seen.size === sent,
      () => `${share()}, ${seen.size} records`,
    );
    const [leaving] = members.splice(0, 1);
    leaving!.process.stdin!.write('\n');
    await once(leaving!.process, 'exit');
    await send();
    await until(
      () => share() === '6' && seen.size === sent,
      () => `${share()}, ${seen.size} records`,
    );
    const repeated = [...seen.values()].filter((times) => times > 1).length;
    return `${seen.size} records through 1, 3, 2 and 1 members, of which one was killed; ${repeated} of them twice`;
  } finally {
    for (const { process } of members) process.kill('SIGKILL');
    await producer.disconnect();
  }
}

async function memberOf(address: string, onRecord: (value: string) => void): Promise<Member> {
  const java = ['-Xmx256m', '-cp', await kafkaClassPath(), PROGRAM, address, 'consumers', TOPIC];
  const process = spawn('java', java, { stdio: ['pipe', 'pipe', 'ignore'] });
  const member = { process, assigned: -1 };
  createInterface(process.stdout!).on('line', (line) => {
    const [word, value] = line.split(' ') as [string, string];
    if (word === 'assigned') member.assigned = Number(value);
    if (word === 'record') onRecord(value);
  });
  return member;
}

async function until(isDone: () => boolean, described: () => string): Promise<void> {
  for (const endMs = performance.now() + RUN_MS_MAX; !isDone();) {
    if (performance.now() > endMs) throw new Error(`the group does not go on: ${described()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
