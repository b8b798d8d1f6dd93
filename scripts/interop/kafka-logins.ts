/** Logins by SCRAM of kcat and of Kafka's tools in Java, to a broker that asks for tokens. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { canRunKafka, kafkaClassPath } from '../peers/kafka.ts';

const run = promisify(execFile);
const RUN_MS_MAX = 60_000;
const MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
const TOPIC = 'salted';

export interface ScramUser {
  readonly id: string;
  readonly token: string;
}

/** Produces and reads by each mechanism, and sees a wrong secret refused. */
export async function logInByScram(address: string, user: ScramUser): Promise<string> {
  const wrong = { ...user, token: `${user.token.slice(0, -1)}!` };
  for (const mechanism of MECHANISMS) {
    const login = kcatLogin(mechanism, user);
    const file = join(await mkdtemp(join(tmpdir(), 'posthorn-kcat-')), 'records');
    await writeFile(file, `by ${mechanism}\n`);
    await run('kcat', ['-P', '-b', address, ...login, '-t', TOPIC, '-l', file], { timeout: RUN_MS_MAX });
    await rm(join(file, '..'), { recursive: true });
    const read = ['-C', '-b', address, ...login, '-t', TOPIC, '-e', '-q'];
    const { stdout } = await run('kcat', read, { timeout: RUN_MS_MAX });
    if (!stdout.includes(`by ${mechanism}`)) throw new Error(`kcat by ${mechanism} read ${stdout}`);
    const list = ['-L', '-b', address, ...kcatLogin(mechanism, wrong), '-m', '5'];
    const refused = await run('kcat', list, { timeout: RUN_MS_MAX }).then(
      () => '',
      ({ stderr }: { stderr: string }) => stderr,
    );
    if (!/login was refused/.test(refused)) throw new Error(`kcat by ${mechanism}, wrong secret: ${refused}`);
  }
  if (!canRunKafka()) return 'kcat by SCRAM-SHA-256 and SCRAM-SHA-512';
  for (const mechanism of MECHANISMS) {
    const listed = await listTopics(address, mechanism, user);
    if (!listed.includes(TOPIC)) throw new Error(`Java by ${mechanism} listed ${listed}`);
    const refused = await listTopics(address, mechanism, wrong).catch(
      ({ stdout = '', stderr = '' }: { stdout?: string; stderr?: string }) => `${stdout}${stderr}`,
    );
    if (!/login was refused/.test(refused)) throw new Error(`Java, wrong secret: ${refused}`);
  }
  return 'kcat and Java by SCRAM-SHA-256 and SCRAM-SHA-512; wrong secrets refused';
}

function kcatLogin(mechanism: string, { id, token }: ScramUser): string[] {
  const settings = [
    'security.protocol=SASL_PLAINTEXT',
    `sasl.mechanisms=${mechanism}`,
    `sasl.username=${id}`,
    `sasl.password=${token}`,
  ];
  return settings.flatMap((setting) => ['-X', setting]);
}

async function listTopics(address: string, mechanism: string, { id, token }: ScramUser): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-login-'));
  try {
    const config = join(folder, 'client.properties');
    const module = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
    const lines = [
      'security.protocol=SASL_PLAINTEXT',
      `sasl.mechanism=${mechanism}`,
      `sasl.jaas.config=${module} username="${id}" password="${token}";`,
    ];
    await writeFile(config, lines.join('\n'));
    const command = ['org.apache.kafka.tools.TopicCommand', '--list', '--bootstrap-server', address];
    const java = ['-Xmx256m', '-cp', await kafkaClassPath(), ...command, '--command-config', config];
    const { stdout, stderr } = await run('java', java, { timeout: RUN_MS_MAX });
    return `${stdout}${stderr}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
