/** Every command, in the order of the help. */

import { VERSION } from '../../../protocol/version.ts';
import type { Command } from '../command.ts';
import { operationCommand, operationIds } from '../operations/operation-command.ts';
import { benchCommand } from './bench.ts';
import { cdcCommand } from './cdc.ts';
import { callCommands, operationsCommand } from './call.ts';
import { completionCommand } from './completion.ts';
import { consumeCommand } from './consume.ts';
import { definitionCommands } from './definitions.ts';
import { deployCommand } from './deploy.ts';
import { devCommand } from './dev.ts';
import { doctorCommand } from './doctor.ts';
import { moveCommand } from './move.ts';
import { gatewayCommand } from './gateway.ts';
import { produceCommand } from './produce.ts';
import { publishCommand } from './publish.ts';
import { profileCommands } from './profiles.ts';
import { replayCommand, resetCommand } from './replay.ts';
import { tailCommand } from './tail.ts';
import { topCommand } from './top.ts';

const versionCommand: Command = {
  words: ['version'],
  about: 'Print the version; --version is the same',
  load: () => ({
    args: [],
    flags: [],
    run: async ({ printer }) => await printer.result({ version: VERSION }, VERSION),
  }),
};

/** Written by hand: what people do most. */
export const ownCommands: readonly Command[] = [
  devCommand,
  gatewayCommand,
  produceCommand,
  tailCommand,
  publishCommand,
  consumeCommand,
  topCommand,
  cdcCommand,
  replayCommand,
  moveCommand,
  resetCommand,
  ...definitionCommands,
  ...profileCommands,
  doctorCommand,
  benchCommand,
  deployCommand,
  completionCommand,
  operationsCommand,
  versionCommand,
];

export const commands: readonly Command[] = [
  ...ownCommands,
  ...operationIds.map(operationCommand),
  ...callCommands,
];
