/** Set-up of every test file: the seed of properties, and connections that end before the broker closes them. */

import fc from 'fast-check';
import { SEED } from './seed.ts';
import './clients/short-keep-alive.ts';

fc.configureGlobal({ seed: SEED });
