/** Namespace: one tenant's room of a deployment, as the directory keeps it. */

import type { Quotas } from './quotas.ts';

export interface Namespace {
  readonly name: string;
  /** 0 for `default`, which is there from the start. */
  readonly createdMs: number;
  readonly quotas?: Quotas;
}

export const DEFAULT_NAMESPACE: Namespace = { name: 'default', createdMs: 0 };
