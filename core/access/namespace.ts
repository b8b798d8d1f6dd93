/** Namespace: one tenant's room of a deployment, as the directory keeps it. */

export interface Namespace {
  readonly name: string;
  /** 0 for `default`, which is there from the start. */
  readonly createdMs: number;
}

export const DEFAULT_NAMESPACE: Namespace = { name: 'default', createdMs: 0 };
