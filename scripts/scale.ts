/**
 * `npm run scale`: prints what deployments of many sizes ask of each class of objects, and what they cost, and writes the tables of
 * docs/scale.md. `-- --check` writes nothing, and ends with 1 if the page is out of date.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tables, withTables } from './scale/tables.ts';
import { answerHelp } from './command/options.ts';

const PAGE = join(import.meta.dirname, '../docs/scale.md');

answerHelp(import.meta.filename);
for (const [name, table] of Object.entries(tables())) console.log(`${name}\n\n${table}\n`);
const page = readFileSync(PAGE, 'utf8');
const current = withTables(page);
if (process.argv.includes('--check')) process.exitCode = page === current ? 0 : 1;
else writeFileSync(PAGE, current);
