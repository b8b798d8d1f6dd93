/** `posthorn dev`: a broker on this machine, until Ctrl-C. It is a process of its own, which ends with the command. */

import { resolve } from 'node:path';
import type { Command, Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import { runScript } from '../runtime/child-process.ts';
import { localBroker } from '../runtime/local-broker.ts';

export const devCommand: Command = {
  words: ['dev'],
  about: 'Run a broker on this machine until Ctrl-C, with its gateway and its dashboard',
  load: () => ({
    args: [],
    flags: [
      { name: 'port', kind: 'number', min: 0, max: 65_535, about: 'Default PORT, or 8787; 0: any free port' },
      { name: 'host', kind: 'text', about: 'Default HOST, or 127.0.0.1; another needs POSTHORN_ROOT_TOKEN' },
      {
        name: 'data',
        kind: 'text',
        about: 'The folder that keeps the data. Default POSTHORN_DATA, or .posthorn here',
      },
      {
        name: 'amqp-port',
        kind: 'number',
        min: 0,
        max: 65_535,
        about: 'Where AMQP clients find it. Default POSTHORN_AMQP_PORT, or 5672; 0 for none',
      },
      {
        name: 'kafka-port',
        kind: 'number',
        min: 0,
        max: 65_535,
        about: 'Where Kafka clients find it. Default POSTHORN_KAFKA_PORT, or 9092; 0 for none',
      },
    ],
    notes: [
      'With --json it prints one line when it is ready: {"url", "version", "dataPath", "pid", "workerdPid"}.',
    ],
    run: dev,
  }),
};

async function dev(context: Context): Promise<Outcome> {
  const { flag, io, printer } = context;
  const { node, script, env } = await localBroker(context);
  const data = flag<string>('data') ?? (io.env['POSTHORN_DATA'] || '.posthorn');
  const port = (name: string): string | undefined => flag<number>(name)?.toString();
  return await runScript(context, 'the broker', {
    node,
    args: [script, ...(printer.isJson ? ['--json'] : [])],
    env: {
      ...io.env,
      ...env,
      POSTHORN_COMMAND: 'posthorn dev',
      POSTHORN_DATA: resolve(io.folder, data),
      ...(flag('port') !== undefined && { PORT: port('port') }),
      ...(flag('host') !== undefined && { HOST: flag<string>('host') }),
      ...(flag('amqp-port') !== undefined && { POSTHORN_AMQP_PORT: port('amqp-port') }),
      ...(flag('kafka-port') !== undefined && { POSTHORN_KAFKA_PORT: port('kafka-port') }),
    },
  });
}
