/** Stands in the package for `miniflare`, which is installed when it is first needed, and not beside the package. */

import type * as miniflare from 'miniflare';

const { Log, LogLevel, Miniflare } = (await import(
  process.env['POSTHORN_MINIFLARE'] ?? 'miniflare'
)) as typeof miniflare;

export { Log, LogLevel, Miniflare };
