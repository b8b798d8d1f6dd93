/** Faults in the steering of queues: cancelling, running now, moving. */

import type { Mutant } from './mutants.ts';

const fault = (name: string, file: string, find: string, replace: string): Mutant => ({
  name,
  checker: 'steering',
  only: ['steered'],
  patches: [{ file, find, replace }],
});

export const STEERING_MUTANTS: readonly Mutant[] = [
  fault(
    'cancelled-and-kept',
    'core/queue/messages/steer.ts',
    'takeOut(state, source, { lane: extent.lane, offset });',
    'if (offset % 3 > 0) takeOut(state, source, { lane: extent.lane, offset });',
  ),
  fault(
    'cancelled-with-its-neighbour',
    'durable-objects/queue/time/parked-messages.ts',
    '({ offset }) => !indexes.has(offset)',
    '({ offset }) => !indexes.has(offset) && !indexes.has(offset - 1)',
  ),
  fault(
    'moved-and-kept',
    'durable-objects/queue/messages/move-box.ts',
    'takeOut(state, source, position);',
    'if (position.offset % 3 > 0) takeOut(state, source, position);',
  ),
  fault(
    'run-and-lost',
    'durable-objects/queue/messages/message-box.ts',
    'appender.add(turn.to, packed([moved]));\n    appender.flush(state);',
    "if (position.offset % 3 > 0) appender.add(turn.to, packed([moved]));\n    else return { refused: 'not_found' };\n    appender.flush(state);",
  ),
];
