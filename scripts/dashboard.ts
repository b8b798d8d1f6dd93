/** `npm run dashboard`: builds the dashboard. wrangler does it before each deployment. */

import { buildDashboard } from './broker/dashboard.ts';

console.log(`the dashboard is in ${await buildDashboard()}`);
