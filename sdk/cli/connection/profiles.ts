/**
 * Profiles: named brokers in a config file, `$XDG_CONFIG_HOME/posthorn/config.json` or below `~/.config`:
 *
 *     { "current": "local", "profiles": { "local": { "url": "...", "namespace": "...", "token": "..." } } }
 *
 * It holds tokens, so only its owner may read it.
 */

import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { suggestion } from '../arguments/nearest.ts';
import { Failure, usage } from '../failure.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Profile {
  readonly url?: string;
  readonly namespace?: string;
  readonly token?: string;
}

export interface Config {
  readonly current?: string;
  readonly profiles: Readonly<Record<string, Profile>>;
}

export function configPath(env: Environment): string {
  const folder = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return join(folder, 'posthorn', 'config.json');
}

/** Reads the file. One that does not exist has no profiles. */
export function readConfig(env: Environment): Config {
  const path = configPath(env);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { profiles: {} };
    throw new Failure('failed', `the config file cannot be read: ${message}`, { cause: error });
  }
  const config = parsed(text);
  if (config === null) {
    throw usage(
      `${path} is not a config file of posthorn`,
      'Mend it, or remove it and make profiles anew: posthorn profiles set',
    );
  }
  return config;
}

function parsed(text: string): Config | null {
  try {
    const config = JSON.parse(text) as Partial<Config> | null;
    if (typeof config !== 'object' || config === null) return null;
    const { current, profiles = {} } = config;
    if (current !== undefined && typeof current !== 'string') return null;
    if (!isMembersOf(profiles, (profile) => isMembersOf(profile, (value) => typeof value === 'string')))
      return null;
    return { ...(current !== undefined && { current }), profiles };
  } catch {
    return null;
  }
}

function isMembersOf(value: unknown, isMember: (member: unknown) => boolean): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every(isMember);
}

export function writeConfig(env: Environment, config: Config): void {
  const path = configPath(env);
  mkdirSync(dirname(path), { recursive: true });
  // Renamed into place, so that no reader sees half of it.
  writeFileSync(`${path}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
}

export function profileNamed(config: Config, name: string): Profile {
  if (Object.hasOwn(config.profiles, name)) return config.profiles[name]!;
  const names = Object.keys(config.profiles);
  throw usage(
    `there is no profile "${name}"${suggestion(name, names)}`,
    names.length === 0
      ? `Make it: posthorn profiles set ${name} --url https://posthorn.example.com --token ph_...`
      : `There are: ${names.join(', ')}`,
  );
}
