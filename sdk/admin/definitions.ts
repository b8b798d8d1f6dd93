/** Definitions: everything that is declared in a namespace, as one document. */

import type { CallOptions } from '../client/options.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import { fromWire } from '../client/wire.ts';

/** The settings of one definition, by the names of the fields of the HTTP API. */
interface Settings {
  [field: string]: unknown;
}

/**
 * A document for files: its members have the names of the HTTP API. An entry has its name and the settings that its
 * declaration takes; a setting that is left out has its default. A kind that is left out is not looked at.
 */
export interface DefinitionsDocument {
  posthorn: 1;
  topics?: (Settings & { topic: string })[];
  queues?: (Settings & { queue: string })[];
  exchanges?: (Settings & { exchange: string })[];
  bindings?: (Settings & { source: string; destination: { kind: string; name: string } })[];
  policies?: (Settings & { policy: string })[];
  alerts?: (Settings & { alert: string })[];
  schedules?: (Settings & { schedule: string })[];
  subscriptions?: (Settings & { subscription: string })[];
  hooks?: (Settings & { hook: string })[];
  share_groups?: (Settings & { share_group: string })[];
}

/** A definitions file of RabbitMQ, as `rabbitmqctl export_definitions` writes it. Its entries are read as far as there are counterparts. */
export interface RabbitmqDefinitions {
  posthorn?: never;
  vhosts?: { name: string }[];
  exchanges?: (Settings & { name: string })[];
  queues?: (Settings & { name: string })[];
  bindings?: (Settings & { source: string; destination: string })[];
  policies?: (Settings & { name: string })[];
  [member: string]: unknown;
}

export interface DefinitionStep {
  action: 'create' | 'change' | 'delete';
  /** Such as `queue` or `binding`. */
  kind: string;
  /** Of a binding: what it connects, as text. */
  name: string;
  /** Of a change: the fields that differ. A value that is absent is the default, or a secret. */
  fields?: Record<string, { is?: unknown; wanted?: unknown }>;
  /** The secret that was made for it. No other reply shows it. */
  secret?: string;
}

export interface DefinitionsPlan {
  dryRun: boolean;
  /** What is created, changed and deleted, in that order. */
  steps: DefinitionStep[];
  /** Entries of the document that are there as they shall be. */
  unchanged: number;
  /** Of a plan: the first step that would be refused, and all others with it. */
  problem?: { kind: string; name: string; code: string; detail: string };
  /** Of a file of RabbitMQ: entries that have no counterpart. `kind` is the member of the file that has it. */
  leftOut?: { kind: string; name: string; reason: string }[];
  /** For `ifVersion`. */
  topologyVersion: number;
}

export interface PlanOptions extends CallOptions {
  /** Also delete what the document does not have, of the kinds that it has. Default false. */
  prune?: boolean;
}

export interface ApplyOptions extends PlanOptions {
  /**
   * `topologyVersion` of a plan: if a definition has changed since, nothing is changed (`definitions_changed`). That is the
   * answer, too, if a first attempt was applied and its reply was lost: a new plan has no steps then.
   */
  ifVersion?: number;
}

/**
 * All calls retry temporary failures, and throw `PosthornError`: `invalid_field`, `forbidden`, `definitions_too_large`,
 * `connection_failed`, `timeout`, `aborted`, and those named below.
 */
export class Definitions {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Everything that is declared in the namespace as it is at one moment, without secrets.
   *
   * @example const document = await posthorn.definitions.export({ kinds: ['queues', 'exchanges', 'bindings'] });
   */
  export({
    kinds,
    ...options
  }: { kinds?: readonly Exclude<keyof DefinitionsDocument, 'posthorn'>[] } & CallOptions = {}): Promise<
    Required<DefinitionsDocument>
  > {
    return this.#transport.json({ method: 'GET', path: PATH, query: { kinds: kinds?.join() }, ...options });
  }

  /** What `apply` would do. It changes nothing, and needs the same rights. */
  plan(
    document: DefinitionsDocument | RabbitmqDefinitions,
    options: PlanOptions = {},
  ): Promise<DefinitionsPlan> {
    return this.#put(document, options, 'true');
  }

  /**
   * Creates and changes what the document says; a setting that it leaves out returns to its default. All is done, or nothing
   * is, but for queues that are deleted: they follow one by one.
   *
   * @example
   * const { topologyVersion, steps } = await posthorn.definitions.plan(document, { prune: true });
   * if (steps.length > 0) await posthorn.definitions.apply(document, { prune: true, ifVersion: topologyVersion });
   *
   * @throws PosthornError `definitions_changed`, `definitions_incomplete` if queues could not be deleted (`details.failed`
   *   names them), and the codes of the declarations, with `details.kind` and `details.name`
   */
  apply(
    document: DefinitionsDocument | RabbitmqDefinitions,
    options: ApplyOptions = {},
  ): Promise<DefinitionsPlan> {
    return this.#put(document, options);
  }

  async #put(
    document: DefinitionsDocument | RabbitmqDefinitions,
    { prune, ifVersion, ...options }: ApplyOptions,
    dry?: string,
  ): Promise<DefinitionsPlan> {
    const query = { dry_run: dry, prune: prune?.toString(), if_version: ifVersion };
    const call = { method: 'PUT', path: PATH, query, ...jsonBody(document), ...options } as const;
    return fromWire(await this.#transport.json<object>(call));
  }
}

const PATH = '/definitions';
