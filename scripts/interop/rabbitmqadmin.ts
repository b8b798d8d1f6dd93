/** Suite of rabbitmqadmin: Debian's script for RabbitMQ's management API, as RabbitMQ 3.10 brings it. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type Outcomes, type Ran, type Suite } from './amqp-suites.ts';

/** What a RabbitMQ 3.10 has exported: its users, policies and arguments among it. */
const EXPORTED = join(import.meta.dirname, '../../test/interop/amqp/definitions-of-rabbitmq-3.10.json');

interface Step {
  name: string;
  args: readonly string[];
  /** What has to be in its output; of one that has to fail, in its error. */
  says?: readonly string[];
  /** What must not be. */
  saysNot?: readonly string[];
  fails?: true;
}

const LISTS = ['connections', 'channels', 'consumers', 'users', 'vhosts', 'permissions', 'nodes', 'policies'];

const DECLARED: readonly Step[] = [
  { name: 'declares an exchange', args: ['declare', 'exchange', 'name=adm-x', 'type=topic'] },
  {
    name: 'declares a queue with arguments',
    args: ['declare', 'queue', 'name=adm-q', 'durable=true', 'arguments={"x-max-priority":5}'],
  },
  {
    name: 'declares a binding',
    args: ['declare', 'binding', 'source=adm-x', 'destination=adm-q', 'routing_key=a.#'],
  },
];

const isListed = (when: string): readonly Step[] => [
  { name: `lists exchanges ${when}`, args: ['list', 'exchanges', 'name', 'type'], says: ['adm-x\ttopic'] },
  {
    name: `lists queues ${when}`,
    args: ['list', 'queues', 'name', 'durable', 'arguments.x-max-priority'],
    says: ['adm-q\tTrue\t5'],
  },
  {
    name: `lists bindings ${when}`,
    args: ['list', 'bindings', 'source', 'destination', 'routing_key'],
    says: ['adm-x\tadm-q\ta.#'],
  },
];

const DELETED: readonly Step[] = [
  {
    name: 'deletes a binding',
    args: [
      'delete',
      'binding',
      'source=adm-x',
      'destination_type=queue',
      'destination=adm-q',
      'properties_key=a.%23',
    ],
  },
  { name: 'deletes a queue', args: ['delete', 'queue', 'name=adm-q'] },
  { name: 'deletes an exchange', args: ['delete', 'exchange', 'name=adm-x'] },
  {
    name: 'lists what is deleted no more',
    args: ['list', 'queues', 'name'],
    saysNot: ['adm-q'],
  },
];

const publish = (name: string, routingKey: string, says: string): Step => ({
  name,
  args: [
    'publish',
    'exchange=adm-x',
    `routing_key=${routingKey}`,
    'payload=hello',
    'properties={"priority":3}',
  ],
  says: [says],
});

const get = (name: string, mode: string, says: readonly string[], saysNot: readonly string[] = []): Step => ({
  name,
  args: ['get', 'queue=adm-q', `ackmode=${mode}`],
  says,
  saysNot,
});

const stepsOf = (file: string): readonly Step[] => [
  { name: 'shows the overview', args: ['show', 'overview'] },
  ...LISTS.map((what) => ({ name: `lists ${what}`, args: ['list', what] })),
  ...DECLARED,
  ...isListed('that are declared'),
  publish('publishes', 'a.b', 'Message published'),
  publish('is told what was not routed', 'b', 'NOT routed'),
  get('gets and requeues', 'ack_requeue_true', ['a.b\tadm-x\t', 'hello']),
  get('gets again, redelivered', 'ack_requeue_false', ['hello', 'True']),
  get('finds nothing where all was taken', 'ack_requeue_false', [], ['hello']),
  publish('publishes once more', 'a.c', 'Message published'),
  { name: 'purges', args: ['purge', 'queue', 'name=adm-q'] },
  get('finds nothing that was purged', 'ack_requeue_false', [], ['hello']),
  { name: 'is refused a queue that differs', args: ['declare', 'queue', 'name=adm-q'], fails: true },
  { name: 'exports definitions', args: ['export', file] },
  ...DELETED,
  { name: 'imports what it has exported', args: ['import', file] },
  ...isListed('that were imported'),
  ...DELETED.map((step) => ({ ...step, name: `${step.name} that was imported` })),
  { name: 'is told that a queue is absent', args: ['delete', 'queue', 'name=absent'], fails: true },
  { name: 'imports what RabbitMQ 3.10 has exported', args: ['import', EXPORTED] },
  {
    name: 'has its queues',
    args: ['list', 'queues', 'name', 'arguments.x-max-priority', 'arguments.x-dead-letter-exchange'],
    says: ['orders.urgent\t10\torders.dead', 'orders.failed\t'],
  },
  {
    name: 'has its bindings',
    args: ['list', 'bindings', 'source', 'destination', 'routing_key'],
    says: ['orders\torders.urgent\torder.*.urgent', 'orders.dead\torders.failed\t'],
  },
];

export const rabbitmqadmin: Suite = {
  name: 'rabbitmqadmin of RabbitMQ 3.10',
  needs: ['rabbitmqadmin'],
  prepare: () => Promise.resolve(),
  run: async (_, port) => {
    const folder = await mkdtemp(join(tmpdir(), 'posthorn-rabbitmqadmin-'));
    const file = join(folder, 'exported.json');
    const outcomes: Outcomes = new Map();
    try {
      for (const step of stepsOf(file)) {
        const options = ['--host=127.0.0.1', `--port=${port}`, '--format=tsv', '--depth=2'];
        outcomes.set(step.name, problemOf(step, await run('rabbitmqadmin', [...options, ...step.args])));
      }
      const exported = await readFile(file, 'utf8').catch(() => '');
      outcomes.set('its export names the queue', exported.includes('"adm-q"') ? null : 'it does not');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return outcomes;
  },
};

/** Null if the step did what it should. */
function problemOf({ says = [], saysNot = [], fails }: Step, { stdout, failure }: Ran): string | null {
  if (fails === true) return failure === null ? 'it was not refused' : null;
  if (failure !== null) return failure;
  const missing = says.find((text) => !stdout.includes(text));
  if (missing !== undefined) return `"${missing}" is missing in ${JSON.stringify(stdout)}`;
  const found = saysNot.find((text) => stdout.includes(text));
  return found === undefined ? null : `"${found}" is in ${JSON.stringify(stdout)}`;
}
