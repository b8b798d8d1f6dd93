/** Chromium without a window, for what only a real browser shows. It needs Debian's `chromium`. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names that lead to this machine, as a hostile name server would have it. */
const HOSTILE_NAMES = 'MAP *.example 127.0.0.1';

export interface Chromium {
  pid: number;
  stop: () => Promise<void>;
}

/** Opens a page. The page reports to its own server; nothing else is heard of the browser. */
export async function openInChromium(url: string): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), 'posthorn-chromium-'));
  const browser: ChildProcess = spawn(
    process.env['CHROMIUM'] ?? 'chromium',
    [
      '--headless',
      '--no-sandbox', // it opens pages of this project only, and often as root
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      `--user-data-dir=${profile}`,
      `--host-resolver-rules=${HOSTILE_NAMES}`,
      url,
    ],
    { stdio: 'ignore' },
  );
  await once(browser, 'spawn');
  return {
    pid: browser.pid!,
    stop: async () => {
      if (browser.exitCode === null) {
        const end = once(browser, 'exit');
        browser.kill('SIGTERM');
        await end;
      }
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
