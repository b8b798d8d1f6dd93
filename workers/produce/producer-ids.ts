/** Producer ids: taken from a block that this isolate got from the topology, so that an id costs no row. */

import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';

/** What an isolate that ends early wastes; there are 2^53. */
const BLOCK_IDS = 1_000;

interface Block {
  next: number;
  end: number;
}

const blocks = new Map<string, Promise<Block>>();

export async function newProducerId(env: Env, namespace: string): Promise<number> {
  for (;;) {
    const taking = blocks.get(namespace) ?? takeBlock(env, namespace);
    const block = await taking;
    if (block.next < block.end) return block.next++;
    if (blocks.get(namespace) === taking) blocks.delete(namespace);
  }
}

/** Those who ask at the same time share it; one that fails is not kept. */
function takeBlock(env: Env, namespace: string): Promise<Block> {
  const taking = Promise.resolve(topologyStub(env, namespace).takeProducerIds(BLOCK_IDS)).then((next) => ({
    next,
    end: next + BLOCK_IDS,
  }));
  blocks.set(namespace, taking);
  taking.catch(() => blocks.delete(namespace));
  return taking;
}
