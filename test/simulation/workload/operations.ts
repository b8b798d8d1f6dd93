/** Every operation. A new feature adds its own here, in a file beside the others. */

import { amqp, killGateway } from '../amqp/amqp-session.ts';
import { crew, ownGroup } from './crew.ts';
import { deadLetters, purgeDeadLetters, replay } from './dead-letters.ts';
import { publishThroughExchange } from './exchanges.ts';
import { fail, publishFeature, takeFeature } from './features.ts';
import { fading } from './fading.ts';
import { fleeting } from './fleeting.ts';
import { worker } from './groups.ts';
import { handed } from './handed.ts';
import { hasty } from './hasty.ts';
import { fetchKept, grow, lookAtPartition, produceKept } from './kept-records.ts';
import { deleteRecords, poll, produce, reread } from './logs.ts';
import { oneOff } from './one-off.ts';
import type { Operation } from './operation.ts';
import { change, look, pause, publish, purge, settle, take } from './queues.ts';
import { produceOnce } from './producers.ts';
import { fetchReborn, produceReborn, rebirth } from './reborn.ts';
import { produceShared, share } from './share-groups.ts';
import { publishOnce } from './queue-producers.ts';
import { routeOnce } from './exchange-producers.ts';
import { rebind, route } from './routing.ts';
import { schedule } from './schedules.ts';
import { steered } from './steered.ts';
import { stream } from './stream.ts';
import { switched } from './switched.ts';
import { fetchTiered, produceTiered, trimTiered } from './tiered.ts';
import { readCommitted, transact } from './transactions.ts';
import { order, seeOffsets, transform } from './transform.ts';
import { pushControl, pushMessages, pushRecords } from './push/pushes.ts';
import { publishWatched, watch } from './watched.ts';

export const OPERATIONS: readonly Operation[] = [
  produce,
  poll,
  reread,
  deleteRecords,
  publish,
  publishThroughExchange,
  take,
  settle,
  stream,
  look,
  purge,
  pause,
  change,
  produceOnce,
  publishOnce,
  transact,
  readCommitted,
  worker,
  oneOff,
  produceShared,
  share,
  produceKept,
  fetchKept,
  grow,
  lookAtPartition,
  rebirth,
  produceReborn,
  fetchReborn,
  crew,
  ownGroup,
  hasty,
  order,
  transform,
  seeOffsets,
  publishFeature,
  takeFeature,
  fail,
  replay,
  deadLetters,
  purgeDeadLetters,
  route,
  rebind,
  routeOnce,
  fleeting,
  schedule,
  publishWatched,
  watch,
  switched,
  fading,
  handed,
  steered,
  produceTiered,
  fetchTiered,
  trimTiered,
  pushMessages,
  pushRecords,
  pushControl,
  amqp,
  killGateway,
];
