/** `posthorn completion`: a script for the shell, which asks the command itself what can come next. */

import { GLOBAL_FLAGS } from '../arguments/flag.ts';
import type { Command } from '../command.ts';
import { usage } from '../failure.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_posthorn() {
  local words
  words=$(posthorn complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _posthorn posthorn`,
  zsh: `#compdef posthorn
_posthorn() {
  local -a candidates
  candidates=(\${(f)"$(posthorn complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -a candidates
}
compdef _posthorn posthorn`,
  fish: `complete -c posthorn -f -a '(posthorn complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'`,
};

const HOW: Readonly<Record<string, string>> = {
  bash: "echo 'source <(posthorn completion bash)' >> ~/.bashrc",
  zsh: "echo 'source <(posthorn completion zsh)' >> ~/.zshrc",
  fish: 'posthorn completion fish > ~/.config/fish/completions/posthorn.fish',
};

export const completionCommand: Command = {
  words: ['completion'],
  about: 'Print a completion script for bash, zsh or fish',
  load: () => ({
    args: [{ name: 'SHELL', about: 'bash, zsh or fish' }],
    flags: [],
    notes: Object.values(HOW),
    run: async ({ args, printer }) => {
      const shell = args.get('SHELL')!;
      const script = SCRIPTS[shell];
      if (script === undefined)
        throw usage(`there is no completion for "${shell}"`, 'There are: bash, zsh, fish');
      await printer.result({ shell, script }, script);
    },
  }),
};

/** Returns what can stand in place of the last word. */
export async function completionsOf(
  words: readonly string[],
  commands: readonly Command[],
): Promise<string[]> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1).filter((word) => !word.startsWith('-'));
  const command = commands.find((each) => each.words.every((word, index) => before[index] === word));
  if (last.startsWith('-')) {
    const { flags } = command === undefined ? { flags: [] } : await command.load();
    return [...flags, ...GLOBAL_FLAGS].map(({ name }) => `--${name}`).filter((flag) => flag.startsWith(last));
  }
  if (command !== undefined) {
    const flagBefore = words.at(-2)?.replace(/^--/, '');
    const { flags } = await command.load();
    return [...(flags.find(({ name }) => name === flagBefore)?.choices ?? [])].filter((choice) =>
      choice.startsWith(last),
    );
  }
  const next = commands
    .filter((each) => before.every((word, index) => each.words[index] === word))
    .map((each) => each.words[before.length]!);
  return [...new Set(next)].filter((word) => word.startsWith(last));
}
