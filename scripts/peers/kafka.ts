/**
 * Kafka peer: one node of Kafka 4.4 that flushes each batch. Its jars come from Maven Central into `dist/peers/kafka` when it is first
 * started. Wants Java 17 and `mvn`.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, LOOPBACK, startPeer } from './peer-process.ts';

export const KAFKA_VERSION = '4.4.0';

const JARS = join(import.meta.dirname, '../../dist/peers/kafka', KAFKA_VERSION);

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>posthorn</groupId><artifactId>kafka-peer</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${KAFKA_VERSION}</version></dependency>
  </dependencies>
</project>
`;

export interface Kafka {
  /** `127.0.0.1:<port>` */
  server: string;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** Whether this machine can run it. */
export function canRunKafka(): boolean {
  return ['java', 'mvn'].every((program) => spawnSync(program, ['-version']).status === 0);
}

/** Fetches the jars of the server, once. @returns the class path */
export async function kafkaClassPath(): Promise<string> {
  if (!existsSync(JARS)) {
    // Beside the jars, so that they can be moved: a fetch that breaks off leaves no half of them.
    const folder = `${JARS}.new`;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'pom.xml'), POM);
    const goal = 'dependency:copy-dependencies';
    const maven = spawnSync('mvn', ['-q', '-B', goal, `-DoutputDirectory=${folder}/jars`], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (maven.status !== 0) throw new Error(`mvn ${goal} failed\n${maven.stdout}${maven.stderr}`);
    await rename(join(folder, 'jars'), JARS);
    await rm(folder, { recursive: true, force: true });
  }
  return join(JARS, '*');
}

/** @param more settings of the server */
export async function startKafka(more: Record<string, string | number> = {}): Promise<Kafka> {
  const classPath = await kafkaClassPath();
  const home = await mkdtemp(join(tmpdir(), 'posthorn-kafka-'));
  const [port, controllerPort] = await freePorts(2);
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${LOOPBACK}:${controllerPort}`,
    listeners: `PLAINTEXT://${LOOPBACK}:${port},CONTROLLER://${LOOPBACK}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${LOOPBACK}:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(home, 'data'),
    'log.flush.interval.messages': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    ...more,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const path = join(home, 'server.properties');
  await writeFile(path, `${lines.join('\n')}\n`);
  const java = ['-Xmx1g', '-cp', classPath];
  const format = ['kafka.tools.StorageTool', 'format', '-t', 'UG9zdGhvcm5CZW5jaFBlZQ', '-c', path];
  const formatted = spawnSync('java', [...java, ...format], { encoding: 'utf8' });
  if (formatted.status !== 0)
    throw new Error(`Kafka could not format its folder\n${formatted.stdout}${formatted.stderr}`);
  const stop = await startPeer('java', [...java, 'kafka.Kafka', path], { port: port!, home });
  return { server: `${LOOPBACK}:${port}`, stop };
}
