/** `posthorn doctor`: what stands between this machine and a working broker. */

import type { Command, Context } from '../command.ts';
import type { Connection } from '../connection/connection.ts';
import { configPath } from '../connection/profiles.ts';
import { messageOf, PosthornError } from '../../errors.ts';
import type { Outcome } from '../exit-codes.ts';

interface Check {
  check: string;
  ok: boolean;
  says: string;
  advice?: string;
}

/** A clock that is off by more makes timestamps and expiries wrong. */
const CLOCK_MS_MAX = 5_000;

export const doctorCommand: Command = {
  words: ['doctor'],
  about: 'Check the way to the broker: address, token, namespace, clock, cost ceiling, queues that need care',
  load: () => ({ args: [], flags: [], run: doctor }),
};

async function doctor(context: Context): Promise<Outcome> {
  const { printer } = context;
  const connection = context.connect();
  const { url, namespace, token, source } = connection.target;
  const checks: Check[] = [
    { check: 'address', ok: true, says: `${url} (from ${source})` },
    { check: 'profiles', ok: true, says: configPath(context.io.env) },
  ];
  const reach = await reachOf(connection);
  checks.push(...reach.checks);
  if (reach.isReached) {
    checks.push(
      await attempt('token', 'Give a good token: --token, POSTHORN_TOKEN, or a profile', async () => {
        await connection.posthorn.topics.list();
        return token === undefined
          ? `none is needed for namespace ${namespace}`
          : `it reads namespace ${namespace}`;
      }),
      await attempt('cost', 'posthorn limits set --rows-written-per-hour N raises the ceiling', () =>
        costOf(connection),
      ),
      await attempt('queues', 'posthorn queues ls; posthorn dlq ls QUEUE', () => queuesOf(connection)),
    );
  }
  const { style } = printer;
  await printer.result(
    { checks },
    checks.flatMap(({ check, ok, says, advice }) => [
      `${ok ? style.green('ok  ') : style.red('bad ')} ${check.padEnd(10)} ${says}`,
      ...(ok || advice === undefined ? [] : [`     ${' '.repeat(10)} ${advice}`]),
    ]),
  );
  if (!reach.isReached) return 'unreachable';
  return checks.every(({ ok }) => ok) ? 'done' : 'failed';
}

async function reachOf({ root }: Connection): Promise<{ isReached: boolean; checks: Check[] }> {
  const startMs = Date.now();
  try {
    const response = await root.config.fetch(`${root.config.rootUrl}/healthz`, {
      signal: AbortSignal.timeout(root.config.timeoutMs),
    });
    await response.arrayBuffer();
    const ms = Date.now() - startMs;
    const reach: Check = {
      check: 'broker',
      ok: response.ok,
      says: `it answers ${response.status} in ${ms} ms`,
    };
    const date = Date.parse(response.headers.get('date') ?? '');
    if (Number.isNaN(date)) return { isReached: response.ok, checks: [reach] };
    // The header has whole seconds.
    const offMs = Math.max(0, Math.abs(date - startMs) - ms - 1_000);
    const clock: Check = {
      check: 'clock',
      ok: offMs <= CLOCK_MS_MAX,
      says:
        offMs <= CLOCK_MS_MAX
          ? 'it agrees with that of the broker'
          : `it is off by ${Math.round(offMs / 1000)} s`,
      advice: 'Set the clock of this machine',
    };
    return { isReached: response.ok, checks: [reach, clock] };
  } catch (error) {
    const says = `it does not answer: ${messageOf(error)}`;
    const advice = 'Start one here: posthorn dev. Or name another: --url, POSTHORN_URL, or a profile';
    return { isReached: false, checks: [{ check: 'broker', ok: false, says, advice }] };
  }
}

async function attempt(check: string, advice: string, look: () => Promise<string>): Promise<Check> {
  try {
    const says = await look();
    return says.startsWith('!')
      ? { check, ok: false, says: says.slice(1), advice }
      : { check, ok: true, says };
  } catch (error) {
    if (error instanceof PosthornError && error.code === 'forbidden') {
      return { check, ok: true, says: 'not looked at: the token does not allow it' };
    }
    return { check, ok: false, says: messageOf(error), advice };
  }
}

async function costOf({ posthorn }: Connection): Promise<string> {
  const { rowsWrittenPerHour, rowsWrittenThisHour, isExceeded } = await posthorn.limits.get();
  const rows = `${rowsWrittenThisHour.toLocaleString('en-US')} rows were written in this hour`;
  if (rowsWrittenPerHour === null) return `${rows}; there is no ceiling`;
  return `${isExceeded ? '!' : ''}${rows}, of at most ${rowsWrittenPerHour.toLocaleString('en-US')}`;
}

/** Queues with alerts that fire, that are paused, or whose dead letters find no way out. */
async function queuesOf({ posthorn }: Connection): Promise<string> {
  const queues = await posthorn.queues.list();
  const troubles: string[] = [];
  for (const { queue } of queues.slice(0, QUEUES_LOOKED_AT)) {
    const { state } = await posthorn.queues.get(queue);
    if (state.isPaused) troubles.push(`${queue} is paused`);
    if (state.outgoingProblem !== null) troubles.push(`${queue} cannot hand on its dead letters`);
    const firing = state.alerts.filter((alert) => alert.state === 'firing').map(({ alert }) => alert);
    if (firing.length > 0) troubles.push(`alert ${firing.join(', ')} fires for ${queue}`);
  }
  if (troubles.length > 0) return `!${troubles.join(', ')}`;
  return `${queues.length} ${queues.length === 1 ? 'queue' : 'queues'}, none paused or alerting`;
}

const QUEUES_LOOKED_AT = 100;
