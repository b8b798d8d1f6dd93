/** Definitions: everything that is declared in a namespace, as one document. */

import type {
  DefinitionKind,
  DefinitionList,
  Definitions as Document,
  DefinitionsApplied,
  DefinitionsInput,
  DefinitionStep as WireStep,
} from '../../protocol/schemas/definitions.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, type Transport } from '../client/transport.ts';

/** A document for files: its members have the names of the HTTP API. */
export type DefinitionsDocument = DefinitionsInput;

export type DefinitionStep = WireStep;

export interface DefinitionsPlan {
  /** What is created, changed and deleted, in that order. */
  steps: DefinitionStep[];
  /** Entries of the document that are there as they shall be. */
  unchanged: number;
  /** The first step that would be refused, and all others with it. */
  problem?: { kind: DefinitionKind; name: string; code: string; detail: string };
  /** For `ifVersion`. */
  topologyVersion: number;
}

export interface PlanOptions extends CallOptions {
  /** Also delete what the document does not have, of the kinds that it has. Default false. */
  prune?: boolean;
}

export interface ApplyOptions extends PlanOptions {
  /** `topologyVersion` of a plan: if a definition has changed since, nothing is changed (`definitions_changed`). */
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
  async export({ kinds, ...options }: { kinds?: DefinitionList[] } & CallOptions = {}): Promise<Document> {
    const query = kinds === undefined ? {} : { kinds: kinds.join(',') };
    return await this.#transport.json<Document>({ method: 'GET', path: '/definitions', query, ...options });
  }

  /** What `apply` would do. It changes nothing, and needs the same rights. */
  async plan(document: DefinitionsDocument, options: PlanOptions = {}): Promise<DefinitionsPlan> {
    return await this.#put(document, options, { dry_run: 'true' });
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
  async apply(document: DefinitionsDocument, options: ApplyOptions = {}): Promise<DefinitionsPlan> {
    return await this.#put(document, options, {});
  }

  async #put(
    document: DefinitionsDocument,
    { prune = false, ifVersion, ...options }: ApplyOptions,
    more: Record<string, string>,
  ): Promise<DefinitionsPlan> {
    const query = {
      ...more,
      ...(prune && { prune: 'true' }),
      ...(ifVersion !== undefined && { if_version: String(ifVersion) }),
    };
    const call = { method: 'PUT', path: '/definitions', query, ...jsonBody(document), ...options } as const;
    const {
      steps,
      unchanged,
      problem,
      topology_version: topologyVersion,
    } = await this.#transport.json<DefinitionsApplied>(call);
    return { steps, unchanged, ...(problem && { problem }), topologyVersion };
  }
}
