/** Documented topology: the calls on all definitions of a namespace as one document. */

import type { DefinitionDocument } from '../../../core/topology/document/plan.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import type { DefinitionList } from '../../../protocol/schemas/definitions.ts';
import type { DefinitionsApplication, DefinitionsOutcome } from '../../rpc/topology.ts';
import { deleteQueueIn } from '../definitions/queues.ts';
import { TopologyAccounts } from '../accounts/topology-accounts.ts';
import { applyDocumentIn, type AppliedDocument } from './apply-document.ts';
import { exportDocumentIn } from './export-document.ts';

/** Queues that are deleted at the same time: each is a call. */
const FAN_OUT = 16;

export abstract class DocumentedTopology extends TopologyAccounts {
  exportDefinitions(
    lists: readonly DefinitionList[],
    bytesMax: number,
  ): { listsJson: string; topologyVersion: number } | Failure {
    const listsJson = exportDocumentIn(this.store, lists, bytesMax);
    return isFailure(listsJson) ? listsJson : { listsJson, topologyVersion: this.store.version() };
  }

  async putDefinitions(
    namespace: string,
    documentJson: Uint8Array,
    how: DefinitionsApplication,
  ): Promise<{ outcomeJson: string; topologyVersion: number } | Failure> {
    const document = JSON.parse(new TextDecoder().decode(documentJson)) as DefinitionDocument;
    const { store, env } = this;
    const applied = this.unlessClosed(() =>
      applyDocumentIn({ store, env, namespace, document, nowMs: Date.now() }, how),
    );
    if (isFailure(applied)) return applied;
    const { refused } = applied;
    if (refused !== null && !how.isDry) {
      const { kind, name } = refused.step;
      const message = `nothing is changed, because of the ${kind} "${name}": ${refused.why.message}`;
      return { ...refused.why, message, details: { ...refused.why.details, kind, name } };
    }
    const failed = how.isDry ? [] : await this.#complete(applied);
    const outcome: DefinitionsOutcome = {
      steps: applied.steps,
      unchanged: applied.unchanged,
      problem: refused && { kind: refused.step.kind, name: refused.step.name, why: refused.why },
      failed,
    };
    return { outcomeJson: JSON.stringify(outcome), topologyVersion: store.version() };
  }

  /** Tells the objects of what is committed, and deletes the queues. Returns those that could not be deleted. */
  async #complete({ steps, queues }: AppliedDocument): Promise<DefinitionsOutcome['failed']> {
    if (steps.length === 0) return [];
    await this.toldAll();
    const failed: DefinitionsOutcome['failed'] = [];
    for (let first = 0; first < queues.length; first += FAN_OUT) {
      const deleting = queues.slice(first, first + FAN_OUT).map(async ({ name, id }) => {
        const why = await this.#deleteQueue(name, id);
        if (why !== null) failed.push({ name, why });
      });
      await Promise.all(deleting);
    }
    if (queues.length > 0) await this.toldAll();
    return failed;
  }

  /** Returns why it could not be deleted; null: it is gone. */
  async #deleteQueue(name: string, id: number): Promise<Failure | null> {
    try {
      await this.propagator.tell('queue', name); // the queue has to know its definition
      const deleted = await deleteQueueIn(this.store, this.env, name, { id });
      return isFailure(deleted) && deleted.code !== 'queue_not_found' ? deleted : null;
    } catch (error) {
      console.error(`queue ${name} could not be deleted`, error);
      return failure('queue_unavailable', `queue "${name}" did not answer; apply the document again`);
    }
  }
}
