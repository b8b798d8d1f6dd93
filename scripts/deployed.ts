/** `npm run deployed`: builds what wrangler uploads, the worker and the dashboard. wrangler does it before each deployment. */

import { join } from 'node:path';
import { buildDashboard } from './broker/dashboard.ts';
import { buildWorker } from './broker/deployed-worker.ts';

const folder = join(import.meta.dirname, '../dist/worker');
const [dashboard, { start, all, modules }] = await Promise.all([
  buildDashboard(),
  buildWorker(folder, { sourceMaps: true }),
]);
console.log(`the dashboard is in ${dashboard}`);
console.log(
  `the worker is in ${folder}: ${kb(all)} in ${modules} modules, ${kb(start)} of them when an isolate starts`,
);

function kb(bytes: number): string {
  return `${Math.ceil(bytes / 1000)} KB`;
}
