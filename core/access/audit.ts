/**
 * Audit: the records that say who has changed what in a namespace. They are JSON in a topic of the namespace, which only the
 * broker writes to.
 *
 *   a change     {kind: 'change', at, operation, path, query?, status, by, from, details?}
 *   refusals     {kind: 'refused', from_at, to_at, refused: [{by, operation, code, count}]}: counted, not kept one by one
 */

import type { Identity } from './identity.ts';

/** Different refusals that are counted at once in a namespace; the others are counted together. */
export const REFUSALS_MAX = 50;

const TEXT_LENGTH_MAX = 300;

/** What an operation tells of itself. */
export interface AuditDetails {
  /** Where the record goes, if the path does not say it. */
  readonly namespace?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What a change is, as far as the request says it. */
export interface AuditedCall {
  readonly operation: string;
  readonly path: string;
  /** The parameters that the operation takes. What else is in a query may be a credential. */
  readonly query: Readonly<Record<string, string>>;
  readonly status: number;
  /** The address of the client, if the platform tells it. */
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly details: Readonly<Record<string, unknown>> | undefined;
}

export function changeRecord(identity: Identity, call: AuditedCall, nowMs: number): object {
  const { query } = call;
  return {
    kind: 'change',
    at: nowMs,
    operation: call.operation,
    path: cut(call.path),
    ...(Object.keys(query).length > 0 && { query }),
    status: call.status,
    by: byOf(identity),
    from: { address: call.address && cut(call.address), user_agent: call.userAgent && cut(call.userAgent) },
    ...(call.details && { details: call.details }),
  };
}

/** A call that was refused. */
export interface Refusal {
  /** Null: it had no good credential. */
  readonly identity: Identity | null;
  readonly operation: string;
  readonly code: string;
}

/** Counts of refusals in a namespace. */
export class RefusalCounts {
  readonly #counts = new Map<string, { by: object | null; operation: string; code: string; count: number }>();
  readonly #fromMs: number;

  constructor(nowMs: number) {
    this.#fromMs = nowMs;
  }

  add({ identity, operation, code }: Refusal): void {
    const by = identity && byOf(identity);
    const key = JSON.stringify([identity?.kind, identity?.id, operation, code]);
    const known = this.#counts.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#counts.size < REFUSALS_MAX) this.#counts.set(key, { by, operation, code, count: 1 });
    else this.#addToRest();
  }

  record(nowMs: number): object {
    return { kind: 'refused', from_at: this.#fromMs, to_at: nowMs, refused: [...this.#counts.values()] };
  }

  #addToRest(): void {
    const rest = this.#counts.get('') ?? { by: null, operation: '*', code: '*', count: 0 };
    this.#counts.set('', { ...rest, count: rest.count + 1 });
  }
}

function byOf({ kind, id, name }: Identity): { kind: string; id: string; name: string } {
  return { kind, id: cut(id), name: cut(name) };
}

function cut(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX);
}
