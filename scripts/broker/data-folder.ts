/**
 * Data folder: the folder that holds all data of a broker, and the lock that keeps a second broker out.
 *
 *     broker.lock  an empty SQLite database whose exclusive lock is the claim. The kernel gives the lock back when the
 *                  process ends, however it ends: there are no stale locks, and no process ids to misread after a
 *                  restart of the machine or of a container.
 *     broker.json  who holds the claim, for people and scripts; absent if no broker runs, or stale after a crash.
 */

import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BrokerError } from './broker-error.ts';

export interface Holder {
  /** The process that holds the lock. */
  pid: number;
  /** The runtime below it, which has the databases open. */
  workerdPid?: number;
  /** Where the broker is reached, once it is. */
  url?: string;
}

export interface Claim {
  /** Replaces what broker.json says. */
  note(holder: Holder): void;
  release(): void;
}

/** Extended SQLite codes carry the primary one in the low byte; BUSY is 5. */
const SQLITE_BUSY = 5;

/** Creates the folder if it does not exist. Throws a `BrokerError` if it cannot be used. */
export function claimDataFolder(path: string): Claim {
  makeWritable(path);
  const lock = takeLock(path);
  const notePath = join(path, 'broker.json');
  const claim: Claim = {
    note: (holder) => {
      // Renamed into place, so that no reader sees half of it.
      writeFileSync(`${notePath}.new`, `${JSON.stringify(holder)}\n`);
      renameSync(`${notePath}.new`, notePath);
    },
    release: () => {
      rmSync(notePath, { force: true });
      lock.close();
    },
  };
  claim.note({ pid: process.pid });
  return claim;
}

function makeWritable(path: string): void {
  try {
    makeFolder(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unusable(path, reasonOf(cause), cause);
  }
}

/** Not with `recursive`, which never returns if the parent exists and yet nothing can be made in it, as in /proc. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another broker may make it at the same time.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

function takeLock(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(path, 'broker.lock'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    if (((cause as { errcode?: number }).errcode ?? 0) % 256 !== SQLITE_BUSY) {
      throw unusable(path, `its broker.lock cannot be locked (${(cause as Error).message})`, cause);
    }
    const { pid, url } = readHolder(path);
    const who = [pid && `process ${pid}`, url && `at ${url}`].filter(Boolean).join(' ');
    throw new BrokerError(
      'data_in_use',
      `the data folder ${path} is in use by another broker${who && ` (${who})`}`,
      { cause },
    );
  }
}

function readHolder(path: string): Partial<Holder> {
  try {
    return JSON.parse(readFileSync(join(path, 'broker.json'), 'utf8')) as Holder;
  } catch {
    return {};
  }
}

function unusable(path: string, reason: string, cause: unknown): BrokerError {
  return new BrokerError('data_unusable', `the data folder ${path} cannot be used: ${reason}`, { cause });
}

const REASONS: Record<string, string> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EEXIST: 'it is a file, not a folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENOENT: 'it cannot be made there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

function reasonOf(cause: unknown): string {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const reason = REASONS[code];
  return reason ? `${reason} (${code})` : message;
}
