/** `posthorn deploy`: the broker on Cloudflare, by wrangler, and whether it has what it needs to answer. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command, Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { needWrangler } from '../runtime/packages.ts';

const SECRET = 'POSTHORN_ROOT_TOKEN';

export const deployCommand: Command = {
  words: ['deploy'],
  about: 'Deploy the broker to Cloudflare, and check that it has a root token',
  load: () => ({
    args: [],
    flags: [
      {
        name: 'name',
        kind: 'text',
        about: 'The name of the Worker. Default: as wrangler.toml says, posthorn',
      },
      {
        name: 'config',
        kind: 'text',
        about: 'A wrangler.toml of your own, whose Worker exports the classes of posthorn/worker',
      },
      { name: 'dry-run', kind: 'boolean', about: 'Build and check, and deploy nothing' },
    ],
    notes: [
      `With ${SECRET} in the environment the broker gets that root token. It must have at least 32 characters; openssl rand -hex 32 makes one.`,
      'wrangler asks for a login, or takes CLOUDFLARE_API_TOKEN.',
    ],
    run: deploy,
  }),
};

const TOKEN_LENGTH_MIN = 32;

async function deploy(context: Context): Promise<Outcome> {
  const { flag, io, printer } = context;
  const token = io.env[SECRET] || undefined;
  if (token !== undefined && token.length < TOKEN_LENGTH_MIN) {
    throw new Failure(
      'usage',
      `${SECRET} has ${token.length} characters, and whoever guesses it can do everything`,
      {
        advice: ['openssl rand -hex 32 makes a good one'],
      },
    );
  }
  const { node, wrangler } = await needWrangler({
    folder: io.folder,
    env: io.env,
    say: (text) => printer.warn(text),
  });
  const config = flag<string>('config') ?? (await ownConfig(io.folder));
  const target = [
    '--config',
    config,
    ...(flag('name') === undefined ? [] : ['--name', flag<string>('name')!]),
  ];
  const run = (args: string[], input?: string): Promise<Ran> =>
    runWrangler(context, node, [wrangler, ...args], input);
  if (flag('dry-run') === true) {
    const { code, output } = await run(['deploy', ...target, '--dry-run']);
    if (code !== 0) throw failed('wrangler could not build the Worker', output);
    await printer.result({ deployed: false, checked: true }, 'The Worker builds. Nothing is deployed.');
    return 'done';
  }
  const login = await run(['whoami']);
  if (login.code !== 0 || /not authenticated/i.test(login.output)) {
    throw new Failure('denied', 'wrangler is not logged in', {
      advice: ['npx wrangler login, or put a token into CLOUDFLARE_API_TOKEN'],
    });
  }
  await printer.hint('Deploying ...');
  const deployed = await run(['deploy', ...target]);
  if (deployed.code !== 0) throw failed('wrangler could not deploy the Worker', deployed.output);
  const url = /https:\/\/\S+\.workers\.dev/.exec(deployed.output)?.[0] ?? null;
  if (token !== undefined) {
    const put = await run(['secret', 'put', SECRET, ...target], `${token}\n`);
    if (put.code !== 0)
      throw failed('the Worker is deployed, but its root token could not be set', put.output, 'partly');
  }
  const secrets = await run(['secret', 'list', ...target]);
  if (!secrets.output.includes(SECRET)) {
    await printer.result(
      { deployed: true, url, root_token: false },
      `Deployed${url === null ? '' : ` to ${url}`}`,
    );
    throw new Failure('partly', 'the broker has no root token, and answers nothing without one', {
      advice: [`Put one into ${SECRET} and deploy again, or: npx wrangler secret put ${SECRET}`],
    });
  }
  await printer.result(
    { deployed: true, url, root_token: true },
    `Deployed${url === null ? '' : ` to ${url}`}`,
  );
  return 'done';
}

/** The configuration of the broker alone: that of the checkout, or one that is written here for the package. */
async function ownConfig(folder: string): Promise<string> {
  const built = join(import.meta.dirname, 'wrangler.toml');
  if (!existsSync(built)) return join(import.meta.dirname, '../../../wrangler.toml');
  const main = join(import.meta.dirname, 'worker/index.mjs');
  const assets = [
    '',
    '[assets]',
    `directory = ${JSON.stringify(join(import.meta.dirname, 'dashboard'))}`,
    'binding = "DASHBOARD"',
    'run_worker_first = true',
    'html_handling = "none"',
    '',
  ];
  const text = (await readFile(built, 'utf8'))
    .replace(/^main = .*$/m, `main = ${JSON.stringify(main)}`)
    .replace(/^minify = true\nkeep_names = false\nupload_source_maps = true\n/m, BUILT_MODULES);
  const path = join(folder, '.posthorn', 'deploy', 'wrangler.toml');
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text + assets.join('\n'));
  return path;
}

/** The worker of the package is several modules, ready to be uploaded. */
const BUILT_MODULES = `no_bundle = true
find_additional_modules = true
rules = [{ type = "ESModule", globs = ["*.mjs"] }]
`;

function failed(what: string, output: string, outcome: Outcome = 'failed'): Failure {
  return new Failure(outcome, what, { advice: output.trim().split('\n').slice(-OUTPUT_LINES) });
}

const OUTPUT_LINES = 20;

interface Ran {
  code: number | null;
  output: string;
}

async function runWrangler(
  { io, signal }: Context,
  node: string,
  args: string[],
  input?: string,
): Promise<Ran> {
  const child = spawn(node, args, {
    cwd: io.folder,
    env: { ...io.env, WRANGLER_SEND_METRICS: 'false' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {}); // it may end without reading
  child.stdin.end(input ?? '');
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Uint8Array) => (output += String(chunk)));
  const stop = (): boolean => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  signal.removeEventListener('abort', stop);
  return { code, output };
}
