/** `posthorn definitions`: what is declared in a namespace as one document; and a plan before anything is changed. */

import { readFile } from 'node:fs/promises';
import {
  DEFINITION_LISTS,
  DEFINITIONS_VERSION,
  type DefinitionsApplied,
  type DefinitionStep,
  type LeftOut,
} from '../../../protocol/schemas/definitions.ts';
import { isRabbitmqDocument } from '../../../protocol/schemas/rabbitmq-definitions.ts';
import type { HttpCall } from '../../client/transport.ts';
import { suggestion } from '../arguments/nearest.ts';
import type { Command, Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import { Failure, usage } from '../failure.ts';
import { canAsk, confirm } from '../input/confirm.ts';
import { readAll } from '../input/read-all.ts';
import { harmless } from '../output/style.ts';

const FILE = {
  name: 'FILE',
  about: 'The document, or a definitions file of RabbitMQ; `-` is standard input',
};
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
      flags: [
        {
          name: 'kinds',
          kind: 'text',
          about: `Only these members, separated by commas: ${DEFINITION_LISTS.join(', ')}`,
        },
      ],
      notes: ['Secrets are not in it.'],
      run: async (context) => {
        const text = await exported(context);
        const document = JSON.parse(text) as object;
        // Numbers of messages that JavaScript writes otherwise stay as they are, on one line.
        const isPlain = JSON.stringify(document) === text;
        await context.printer.result(document, isPlain ? JSON.stringify(document, null, 2) : text);
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
        const plan = await sent(context, await wanted(context), { dry_run: 'true' });
        await tellPlan(context, plan);
        refuseProblem(plan);
        return plan.steps.length === 0 ? 'done' : 'partly';
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
        'All is done, or nothing is; only queues that --prune deletes follow one by one.',
        'Settings that the document leaves out return to their defaults.',
      ],
      run: importDefinitions,
    }),
  },
];

async function importDefinitions(context: Context): Promise<Outcome> {
  const document = await wanted(context);
  let seen: { if_version?: number } = {};
  if (context.flag('yes') !== true) {
    const plan = await sent(context, document, { dry_run: 'true' });
    await tellPlan(context, plan);
    refuseProblem(plan);
    if (plan.steps.length === 0) return 'done';
    const isConfirmed = await isWanted(context, plan.steps);
    if (context.io.signal.aborted) throw new Failure('interrupted', 'stopped; nothing is changed');
    if (!isConfirmed) {
      await context.printer.hint('Nothing is changed. Add --yes to do it.');
      return 'partly';
    }
    // What was shown is what is done.
    seen = { if_version: plan.topology_version };
  }
  const { steps, left_out: leftOut } = await sent(context, document, seen);
  await context.printer.result(
    { steps, ...(leftOut && { left_out: leftOut }) },
    steps.length === 0 ? 'Nothing differs.' : [...steps.map(stepText), `${steps.length} steps are done`],
  );
  // A plan that was shown has told it.
  if (seen.if_version === undefined) await tellLeftOut(context, leftOut);
  return 'done';
}

/** Asks on a terminal, unless the document came from there. */
async function isWanted({ args, io, printer }: Context, steps: readonly DefinitionStep[]): Promise<boolean> {
  if (args.get('FILE') === '-' || !canAsk(io, printer)) return false;
  const deleted = steps.filter(({ action }) => action === 'delete').length;
  const what = deleted > 0 ? `, ${deleted} of which delete something` : '';
  return await confirm(io, printer, `Take these ${steps.length} steps${what}?`);
}

async function exported(context: Context): Promise<string> {
  const { root, target } = context.connect();
  const kinds = context.flag<string>('kinds');
  const call = { method: 'GET', path: pathOf(target.namespace), signal: context.signal } as const;
  const { bytes } = await root.call({ ...call, query: { kinds: kinds && encodeURIComponent(kinds) } });
  return new TextDecoder().decode(bytes);
}

/** The text goes as it is in the file: numbers in it keep their digits. */
async function sent(
  context: Context,
  body: string,
  query: NonNullable<HttpCall['query']>,
): Promise<DefinitionsApplied> {
  const { root, target } = context.connect();
  const prune = context.flag('prune') === true ? 'true' : undefined;
  return await root.json<DefinitionsApplied>({
    method: 'PUT',
    path: pathOf(target.namespace),
    query: { ...query, prune },
    headers: { 'content-type': 'application/json' },
    body,
    signal: context.signal,
  });
}

const pathOf = (namespace: string): string => `/v1/${encodeURIComponent(namespace)}/definitions`;

async function wanted({ args, io }: Context): Promise<string> {
  const file = args.get('FILE')!;
  let text: string;
  try {
    text = file === '-' ? await readAll(io.stdin) : await readFile(file, 'utf8');
    text = text.replace(/^\ufeff/, ''); // a byte order mark, as editors on Windows write it
  } catch (cause) {
    throw usage(`the document cannot be read: ${(cause as Error).message}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw usage(`the document is not JSON: ${(cause as Error).message}`);
  }
  if (isRabbitmqDocument(document)) return text;
  const { posthorn: version, ...lists } = (document ?? {}) as Record<string, unknown>;
  if (version !== DEFINITIONS_VERSION) {
    throw usage(
      `the document has no "posthorn": ${DEFINITIONS_VERSION}`,
      'posthorn definitions export makes one',
    );
  }
  const unknown = Object.keys(lists).find((name) => !(DEFINITION_LISTS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    const meant = suggestion(unknown, DEFINITION_LISTS);
    throw usage(`the document has a member "${unknown}", which nobody knows${meant}`);
  }
  return text;
}

/** A plan with a step that the broker would refuse is none that can be taken. */
function refuseProblem({ problem }: DefinitionsApplied): void {
  if (problem === undefined) return;
  const { kind, name, code, detail } = problem;
  throw new Failure('failed', `the ${kind} "${name}" would be refused: ${detail}; nothing is changed`, {
    code,
    details: { kind, name },
  });
}

async function tellPlan(context: Context, plan: DefinitionsApplied): Promise<void> {
  const { steps, unchanged, left_out: leftOut } = plan;
  const text = steps.length === 0 ? 'Nothing differs.' : steps.map(stepText);
  await context.printer.result({ steps, unchanged, ...(leftOut && { left_out: leftOut }) }, text);
  if (steps.length > 0) await context.printer.hint(`${unchanged} entries are unchanged.`);
  await tellLeftOut(context, leftOut);
}

/** Entries of a file of RabbitMQ of which nothing is made. */
async function tellLeftOut({ printer }: Context, leftOut: readonly LeftOut[] = []): Promise<void> {
  for (const { kind, name, reason } of leftOut)
    await printer.warn(harmless(`left out ${kind} ${name}: ${reason}`));
}

function stepText({ action, kind, name, fields = {}, secret }: DefinitionStep): string {
  const changes = Object.entries(fields).map(([field, { is, wanted }]) =>
    is === undefined && wanted === undefined ? field : `${field} ${valueText(is)} -> ${valueText(wanted)}`,
  );
  const made = secret === undefined ? '' : `, with the secret ${secret}`;
  return harmless(`${action} ${kind} ${name}${changes.length > 0 ? `: ${changes.join(', ')}` : ''}${made}`);
}

const valueText = (value: unknown): string => (value === undefined ? '(default)' : JSON.stringify(value));
