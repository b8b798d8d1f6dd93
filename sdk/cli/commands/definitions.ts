/** `posthorn definitions`: what is declared in a namespace as one document; and a plan before anything is changed. */

import { readFile } from 'node:fs/promises';
import { fieldsOf } from '../../../protocol/operations/fields.ts';
import { operations } from '../../../protocol/operations/index.ts';
import type { FlagValue } from '../arguments/flag.ts';
import type { Command, Context } from '../command.ts';
import {
  bindingKey,
  bodyFields,
  DOCUMENT_VERSION,
  entryOf,
  fixedFields,
  KINDS,
  ownSettings,
  planOf,
  problemOf,
  unchangedBy,
  type Definitions,
  type Entry,
  type Step,
} from '../definitions/document.ts';
import type { Outcome } from '../exit-codes.ts';
import { Failure, usage } from '../failure.ts';
import { canAsk, confirm } from '../input/confirm.ts';
import { readAll } from '../input/read-all.ts';
import { sendForAllPages, sendOperation } from '../operations/send-operation.ts';
import type { OperationId } from '../operations/verbs.ts';

const FILE = { name: 'FILE', about: 'The document; `-` is standard input' };
const PRUNE = {
  name: 'prune',
  kind: 'boolean',
  about: 'Also delete what the document does not have, of the kinds that it has',
} as const;

export const definitionCommands: readonly Command[] = [
  {
    words: ['definitions', 'export'],
    about: 'Print what is declared in the namespace as one JSON document',
    load: () => ({
      args: [],
      flags: [],
      notes: ['Secrets of webhooks are not in it.'],
      run: async (context) => {
        const definitions = await currentDefinitions(context);
        const { queues = [], policies = [] } = definitions;
        const own = queues.map((queue) => ownSettings(queue, policies));
        const document = { posthorn: DOCUMENT_VERSION, ...definitions, queues: own };
        await context.printer.result(document, JSON.stringify(document, null, 2));
      },
    }),
  },
  {
    words: ['definitions', 'diff'],
    about: 'Show what an import would change, and change nothing. Exit code 6 if there is something',
    load: () => ({
      args: [FILE],
      flags: [PRUNE],
      run: async (context) => {
        const shall = await wanted(context);
        const steps = planOf(await currentDefinitions(context), shall, context.flag('prune') === true);
        await tellPlan(context, steps, shall);
        return steps.length === 0 ? 'done' : 'partly';
      },
    }),
  },
  {
    words: ['definitions', 'import'],
    about: 'Create and change what a document says, after showing the plan',
    load: () => ({
      args: [FILE],
      flags: [
        PRUNE,
        {
          name: 'yes',
          short: 'y',
          kind: 'boolean',
          about: 'Do it without a question. Without this flag the plan is shown, and a terminal asks',
        },
      ],
      notes: [
        'Each step stands alone and can be repeated. If one fails, those before it are done, and a second import goes on.',
      ],
      run: importDefinitions,
    }),
  },
];

async function importDefinitions(context: Context): Promise<Outcome> {
  const shall = await wanted(context);
  const steps = planOf(await currentDefinitions(context), shall, context.flag('prune') === true);
  if (context.flag('yes') !== true) {
    await tellPlan(context, steps, shall);
    if (steps.length === 0) return 'done';
    const isConfirmed = await isWanted(context, steps);
    if (context.io.signal.aborted) throw new Failure('interrupted', 'stopped; nothing is changed');
    if (!isConfirmed) {
      await context.printer.hint('Nothing is changed. Add --yes to do it.');
      return 'partly';
    }
  }
  refuseFixed(steps);
  let done = 0;
  try {
    // Deletions last: what a new entry replaces stays until that is there.
    for (const step of [...steps].sort(
      (a, b) => Number(a.action === 'delete') - Number(b.action === 'delete'),
    )) {
      if (context.signal.aborted) throw new Failure('interrupted', 'stopped');
      await takeStep(context, step, shall);
      done++;
    }
  } catch (error) {
    const message = (error as Error).message;
    throw new Failure(
      done > 0 ? 'partly' : 'failed',
      `${message}. ${done} of ${steps.length} steps are done`,
      {
        code: (error as { code?: string }).code ?? 'failed',
        details: { done, steps: steps.length },
        advice: ['posthorn definitions diff FILE shows what is left; the import can be repeated'],
        cause: error,
      },
    );
  }
  await context.printer.result(
    { steps },
    steps.length === 0 ? 'Nothing differs.' : [...steps.map(stepText), `${done} steps are done`],
  );
  return 'done';
}

/** Asks on a terminal, unless the document came from there. */
async function isWanted({ args, io, printer }: Context, steps: readonly Step[]): Promise<boolean> {
  if (args.get('FILE') === '-' || !canAsk(io, printer)) return false;
  const deleted = steps.filter(({ action }) => action === 'delete').length;
  const what = deleted > 0 ? `, ${deleted} of which delete something` : '';
  return await confirm(io, printer, `Take these ${steps.length} steps${what}?`);
}

async function takeStep(
  context: Context,
  { action, kind: name, name: id }: Step,
  shall: Definitions,
): Promise<void> {
  if (name === 'binding') return await takeBindingStep(context, action, id, shall);
  const kind = KINDS.find((each) => each.name === name)!;
  if (action === 'delete') return void (await send(context, kind.remove, { [name]: id }));
  const entry = shall[kind.plural]!.find((each) => each[name] === id)!;
  const operation = action === 'change' ? (kind.change ?? kind.put) : kind.put;
  const fields = bodyFields(operation);
  const body = Object.fromEntries(
    Object.entries(entry).filter(([field]) => field === name || fields.includes(field)),
  );
  await send(context, operation, body);
}

async function takeBindingStep(
  context: Context,
  action: Step['action'],
  key: string,
  shall: Definitions,
): Promise<void> {
  if (action === 'create') {
    const { source, ...binding } = shall['bindings']!.find((each) => bindingKey(each) === key)!;
    return void (await send(context, 'bind', { exchange: source, ...binding }));
  }
  const { bindings = [] } = await currentDefinitions(context, true);
  const binding = bindings.find((each) => bindingKey(each) === key);
  if (binding !== undefined)
    await send(context, 'unbind', { exchange: binding['source'], binding: binding['id'] });
}

async function send(context: Context, id: OperationId, values: Entry): Promise<object> {
  const connection = context.connect();
  const filled = filledOf(id, { namespace: connection.target.namespace, ...values });
  return await sendOperation(filled, connection, context.signal);
}

function filledOf(id: OperationId, values: Entry): Parameters<typeof sendOperation>[0] {
  const operation = operations[id];
  return {
    operation,
    fields: fieldsOf(operation),
    values: new Map(Object.entries(values) as [string, FlagValue][]),
  };
}

async function currentDefinitions(context: Context, withIds = false): Promise<Definitions> {
  const connection = context.connect();
  const { namespace } = connection.target;
  const list = async (id: OperationId, member: string, more: Entry = {}): Promise<Entry[]> => {
    const reply = await sendForAllPages(filledOf(id, { namespace, ...more }), connection, context.signal);
    return reply[member] as Entry[];
  };
  const definitions: Record<string, Entry[]> = {};
  for (const kind of KINDS) {
    const items = await list(kind.list, kind.plural);
    definitions[kind.plural] = items
      .filter(({ predeclared }) => predeclared !== true)
      .map((item) => entryOf(kind, item));
    if (kind.plural !== 'exchanges') continue;
    const bindings: Entry[] = [];
    for (const { exchange } of items) {
      for (const binding of await list('listExchangeBindings', 'bindings', { exchange })) {
        const { id, destination, routing_key, arguments: given } = binding;
        bindings.push({
          source: exchange,
          destination,
          routing_key,
          arguments: given,
          ...(withIds && { id }),
        });
      }
    }
    definitions['bindings'] = bindings;
  }
  return definitions;
}

async function wanted({ args, io }: Context): Promise<Definitions> {
  const file = args.get('FILE')!;
  let text: string;
  try {
    text = file === '-' ? await readAll(io.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw usage(`the document cannot be read: ${(cause as Error).message}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw usage(`the document is not JSON: ${(cause as Error).message}`);
  }
  return checked(document);
}

function checked(document: unknown): Definitions {
  if (
    typeof document !== 'object' ||
    document === null ||
    (document as { posthorn?: unknown }).posthorn !== DOCUMENT_VERSION
  ) {
    throw usage(
      `the document has no "posthorn": ${DOCUMENT_VERSION}`,
      'posthorn definitions export makes one',
    );
  }
  const { posthorn: _, ...rest } = document as Record<string, unknown>;
  const names = new Map([
    ...KINDS.map(({ plural, name }) => [plural, name] as const),
    ['bindings', 'source'],
  ]);
  for (const [plural, entries] of Object.entries(rest)) {
    const name = names.get(plural);
    if (name === undefined) throw usage(`the document has a member "${plural}", which nobody knows`);
    const isList =
      Array.isArray(entries) && entries.every((entry) => typeof (entry as Entry | null)?.[name] === 'string');
    if (!isList) throw usage(`${plural} is a list of objects, each with "${name}"`);
    const isBound =
      plural !== 'bindings' ||
      (entries as Entry[]).every(
        ({ destination }) => typeof destination === 'object' && destination !== null,
      );
    if (!isBound) throw usage('each of bindings has a "destination": {"kind", "name"}');
  }
  const problem = problemOf(rest as Definitions);
  if (problem !== null) throw usage(problem);
  return rest as Definitions;
}

/** Before the first step: what cannot be done would leave the rest half done. */
function refuseFixed(steps: readonly Step[]): void {
  for (const step of steps) {
    const [field] = fixedFields(step);
    if (field === undefined) continue;
    throw new Failure(
      'failed',
      `${field} of the ${step.kind} "${step.name}" cannot be changed; nothing is changed`,
      {
        code: 'not_changeable',
        advice: [`leave ${field} out of the document, or delete the ${step.kind} and import again`],
      },
    );
  }
}

async function tellPlan({ printer }: Context, steps: readonly Step[], shall: Definitions): Promise<void> {
  const unchanged = unchangedBy(shall, steps);
  const text = steps.length === 0 ? 'Nothing differs.' : steps.map(stepText);
  await printer.result({ steps, unchanged }, text);
  if (steps.length > 0) await printer.hint(`${unchanged} entries are unchanged.`);
}

function stepText({ action, kind, name, fields = {} }: Step): string {
  const changes = Object.entries(fields).map(
    ([field, { is, shall }]) => `${field} ${JSON.stringify(is)} -> ${JSON.stringify(shall)}`,
  );
  return `${action} ${kind} ${name}${changes.length > 0 ? `: ${changes.join(', ')}` : ''}`;
}
