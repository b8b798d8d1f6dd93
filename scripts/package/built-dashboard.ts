/** Stands in the package for `dashboard.ts`: the dashboard is built already. */

import { join } from 'node:path';

export function buildDashboard(): Promise<string> {
  return Promise.resolve(join(import.meta.dirname, '../../dashboard'));
}
