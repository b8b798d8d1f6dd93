/**
 * Connection: the broker and namespace that a command talks to. A flag goes before the environment, and that before the
 * profile. A token goes only to the address that it was given with or for: a flag `--url` does not send a profile's token
 * elsewhere.
 */

import type { ParsedArguments } from '../arguments/flag.ts';
import { clientConfig } from '../../client/options.ts';
import { Transport } from '../../client/transport.ts';
import { Posthorn } from '../../posthorn.ts';
import { usage } from '../failure.ts';
import { profileNamed, readConfig, type Environment, type Profile } from './profiles.ts';

export interface Target {
  readonly url: string;
  readonly namespace: string;
  /** Nobody has named a namespace: it is `default`. */
  readonly isNamespaceDefault: boolean;
  readonly token: string | undefined;
  /** Where the address comes from. */
  readonly source: string;
}

const URL_DEFAULT = 'http://127.0.0.1:8787';

/** Fewer attempts than a program makes: people want to know soon that nobody answers. */
const ATTEMPTS = 3;

export function targetOf(flags: ParsedArguments['flags'], env: Environment): Target {
  const flag = (name: string): string | undefined => flags.get(name) as string | undefined;
  const name = flag('profile') ?? (env['POSTHORN_PROFILE'] || undefined);
  const { profile, profileName } = chosenProfile(
    name,
    env,
    flag('url') === undefined && !env['POSTHORN_URL'],
  );
  const url = flag('url') ?? (env['POSTHORN_URL'] || profile.url || URL_DEFAULT);
  const isOfProfile = profile.url !== undefined && sameBroker(url, profile.url);
  const given = flag('token') ?? (env['POSTHORN_TOKEN'] || undefined);
  if (given === undefined && name !== undefined && profile.token !== undefined && !isOfProfile) {
    throw usage(
      `the token of profile "${name}" is for ${profile.url ?? URL_DEFAULT}, and the address is ${url}`,
      'Leave out --profile, or --url (and POSTHORN_URL), or give the token for that address: --token',
    );
  }
  const namespace = flag('namespace') ?? (env['POSTHORN_NAMESPACE'] || profile.namespace);
  return {
    url,
    namespace: namespace ?? 'default',
    isNamespaceDefault: namespace === undefined,
    token: given ?? (isOfProfile ? profile.token : undefined),
    source: sourceOf(flag('url'), env, profileName),
  };
}

/** @param isFree nothing else names an address: then the current profile of the file counts */
function chosenProfile(
  name: string | undefined,
  env: Environment,
  isFree: boolean,
): { profile: Profile; profileName?: string } {
  if (name === undefined && !isFree) return { profile: {} };
  const config = readConfig(env);
  const chosen = name ?? config.current;
  if (chosen === undefined) return { profile: {} };
  return { profile: { url: URL_DEFAULT, ...profileNamed(config, chosen) }, profileName: chosen };
}

function sourceOf(flag: string | undefined, env: Environment, profileName: string | undefined): string {
  if (flag !== undefined) return '--url';
  if (env['POSTHORN_URL']) return 'POSTHORN_URL';
  return profileName === undefined ? 'the default' : `profile "${profileName}"`;
}

function sameBroker(one: string, other: string): boolean {
  try {
    return new URL(one).href.replace(/\/+$/, '') === new URL(other).href.replace(/\/+$/, '');
  } catch {
    return one === other;
  }
}

export class Connection {
  readonly target: Target;
  readonly signal: AbortSignal;
  readonly posthorn: Posthorn;
  /** Paths begin at the root of the broker, as those of operations do. */
  readonly root: Transport;

  constructor(target: Target, timeoutMs: number | undefined, signal: AbortSignal) {
    this.target = target;
    this.signal = signal;
    const options = {
      url: target.url,
      namespace: target.namespace,
      retry: { attempts: ATTEMPTS },
      ...(target.token !== undefined && { token: target.token }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    };
    this.posthorn = new Posthorn(options);
    const config = clientConfig(options);
    this.root = new Transport({ ...config, baseUrl: config.rootUrl });
  }
}
