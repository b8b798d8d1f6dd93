/** `posthorn call`: any operation of the API, by the id that the OpenAPI document gives it. */

import { operations } from '../../../protocol/operations/index.ts';
import type { Command } from '../command.ts';
import { operationBody, operationIds } from '../operations/operation-command.ts';
import { VERBS } from '../operations/verbs.ts';

/** One command for each operation, so that help and completion know its fields. */
export const callCommands: readonly Command[] = operationIds.map((id) => ({
  words: ['call', id],
  about: operations[id].summary,
  load: () => operationBody(id),
}));

export const operationsCommand: Command = {
  words: ['operations'],
  about: 'List every operation of the API, with its command',
  load: () => ({
    args: [],
    flags: [],
    run: async ({ printer }) => {
      const rows = operationIds.map((id) => {
        const { method, path, summary } = operations[id];
        return { operation: id, command: VERBS[id], method: method.toUpperCase(), path, summary };
      });
      await printer.list({ operations: rows }, rows, undefined, '');
    },
  }),
};
