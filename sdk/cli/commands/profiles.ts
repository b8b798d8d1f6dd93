/** `posthorn profiles`: named brokers in the config file. */

import type { Command, CommandBody } from '../command.ts';
import { configPath, profileNamed, readConfig, writeConfig, type Profile } from '../connection/profiles.ts';
import { usage } from '../failure.ts';

const NAME = { name: 'NAME', about: 'The name of the profile' };

const command = (verb: string, about: string, body: CommandBody): Command => ({
  words: ['profiles', verb],
  about,
  load: () => body,
});

/** A secret is shown only as far as it takes to tell one from another. */
const masked = (token: string | undefined): string | null =>
  token === undefined ? null : `${token.slice(0, 6)}...`;

export const profileCommands: readonly Command[] = [
  command('ls', 'List the profiles of the config file', {
    args: [],
    flags: [],
    run: async ({ io, printer }) => {
      const { current, profiles } = readConfig(io.env);
      const rows = Object.entries(profiles).map(([profile, { url, namespace, token }]) => ({
        profile,
        is_current: profile === current,
        url: url ?? null,
        namespace: namespace ?? null,
        token: masked(token),
      }));
      await printer.list(
        { profiles: rows },
        rows,
        undefined,
        `There are no profiles in ${configPath(io.env)}.`,
      );
    },
  }),
  command('set', 'Make or change a profile with the flags --url, --token and --namespace', {
    args: [NAME],
    flags: [],
    notes: ['The first profile becomes the current one. The file is readable by its owner only.'],
    run: async ({ args, flag, io, printer }) => {
      const name = args.get('NAME')!;
      const config = readConfig(io.env);
      const given: Profile = Object.fromEntries(
        ['url', 'token', 'namespace'].flatMap((field) =>
          flag(field) === undefined ? [] : [[field, flag(field)]],
        ),
      );
      if (Object.keys(given).length === 0) throw usage('a profile needs --url, --token or --namespace');
      const before = Object.hasOwn(config.profiles, name) ? config.profiles[name]! : {};
      if (
        given.url !== undefined &&
        before.token !== undefined &&
        given.token === undefined &&
        given.url !== before.url
      ) {
        throw usage(
          `profile "${name}" has a token for ${before.url ?? 'the default address'}`,
          'Give the token for the new address too: --token',
        );
      }
      const current = config.current ?? name;
      writeConfig(io.env, { current, profiles: { ...config.profiles, [name]: { ...before, ...given } } });
      await printer.result({ profile: name, is_current: current === name, path: configPath(io.env) });
    },
  }),
  command('use', 'Make a profile the current one', {
    args: [NAME],
    flags: [],
    run: async ({ args, io, printer }) => {
      const name = args.get('NAME')!;
      const config = readConfig(io.env);
      profileNamed(config, name);
      writeConfig(io.env, { ...config, current: name });
      await printer.result({ profile: name, is_current: true });
    },
  }),
  command('delete', 'Delete a profile', {
    args: [NAME],
    flags: [],
    run: async ({ args, io, printer }) => {
      const name = args.get('NAME')!;
      const { current, profiles } = readConfig(io.env);
      profileNamed({ profiles }, name);
      const { [name]: _, ...others } = profiles;
      writeConfig(io.env, {
        ...(current !== undefined && current !== name && { current }),
        profiles: others,
      });
      await printer.result({ profile: name, deleted: true });
    },
  }),
];
