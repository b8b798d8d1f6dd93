/** CPU time: the measure of tests that bound work. Unlike time on the wall, it does not grow while the machine is busy. */

import { readFileSync } from 'node:fs';

/** The kernel counts in hundredths of a second. */
const TICK_MS = 10;

/** Returns the CPU time, in ms, that this process needs for an action. */
export function cpuMsOf(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Returns the CPU time, in ms, that a process has used so far; 0 on a system without /proc. */
export function cpuMsOfProcess(pid: number): number {
  try {
    // The name of the program, in parentheses, may contain spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return 0;
  }
}
