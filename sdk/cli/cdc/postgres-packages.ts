/** The packages that talk to PostgreSQL. They are loaded when a capture begins, and installed if the project has none. */

import { createRequire } from 'node:module';
import type { Client } from 'pg';
import type { LogicalReplicationService, PgoutputPlugin } from 'pg-logical-replication';
import type { RuntimeOptions } from '../runtime/packages.ts';
import { needPostgres } from '../runtime/packages.ts';

export interface PostgresPackages {
  readonly Client: typeof Client;
  readonly LogicalReplicationService: typeof LogicalReplicationService;
  readonly PgoutputPlugin: typeof PgoutputPlugin;
}

export async function loadPostgres(options: RuntimeOptions): Promise<PostgresPackages> {
  const { pg, replication } = await needPostgres(options);
  const load = createRequire(import.meta.url);
  const { Client: Connection } = load(pg) as { Client: typeof Client };
  const { LogicalReplicationService: Service, PgoutputPlugin: Plugin } = load(
    replication,
  ) as PostgresPackages;
  return { Client: Connection, LogicalReplicationService: Service, PgoutputPlugin: Plugin };
}
