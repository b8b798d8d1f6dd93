/** Builds the dashboard: one page, one script and one style sheet, in `dist/dashboard/`. */

import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const ESBUILD = join(ROOT, 'node_modules/esbuild/bin/esbuild');

export const DASHBOARD_FILES = ['index.html', 'dashboard.js', 'dashboard.css'] as const;

const OPTIONS = [
  '--bundle',
  '--minify',
  '--format=esm',
  '--target=es2022',
  '--charset=utf8',
  '--legal-comments=none',
  '--jsx=automatic',
  '--jsx-import-source=preact',
  '--log-level=error',
];

/** Returns the folder. Several processes may build at once: each moves its files to their place when they are whole. */
export async function buildDashboard(): Promise<string> {
  const folder = join(ROOT, 'dist/dashboard');
  await mkdir(folder, { recursive: true });
  const made = await mkdtemp(join(ROOT, 'dist/.dashboard-'));
  try {
    const entries = ['dashboard=dashboard/main.tsx', 'dashboard=dashboard/style.css'];
    await promisify(execFile)(ESBUILD, [...entries, ...OPTIONS, `--outdir=${made}`], { cwd: ROOT });
    await copyFile(join(ROOT, 'dashboard/index.html'), join(made, 'index.html'));
    for (const file of DASHBOARD_FILES) await rename(join(made, file), join(folder, file));
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return folder;
}
