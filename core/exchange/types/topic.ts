/**
 * The topic exchange: routing keys are words separated by dots, and a binding is a pattern of words, where `*` stands for
 * exactly one word and `#` for zero or more. AMQP 0-9-1, section 3.1.3.3; what it leaves open is as in RabbitMQ
 * (`rabbit_exchange_type_topic`): the empty key has no words, so `#` takes it and `*` does not; anywhere else two dots
 * in a row, or one at an end, enclose an empty word, which is a word like any other.
 *
 * Patterns are kept in a trie, one edge a word:
 *
 *   orders.*  orders.#  orders.eu.created        root -orders-> o -*-> (1)
 *                                                               o -#-> (2)
 *                                                               o -eu-> e -created-> (3)
 *
 * Nodes and edges are numbers in a few long arrays, not objects: among 100,000 patterns a step to a node that no recent
 * message went through then costs a fifth, because the arrays stay nearer to the processor.
 */

import type { Binding, Destination } from '../binding.ts';
import { Distinct } from '../index/distinct.ts';
import { PairTable } from '../index/pair-table.ts';
import type { BindingIndex, RoutedMessage } from '../exchange.ts';
import { WordNumbers } from '../index/word-numbers.ts';

/** A node is this many numbers; a node number is the index of the first. Here only what routing reads. */
const NODE_FIELDS = 4;
/** The child under `*`, 0 if there is none. */
const STAR = 0;
/** The child under `#`, 0 if there is none. */
const HASH = 1;
/** How many children it has under literal words. */
const LITERALS = 2;
/** How many bindings end here. */
const BINDINGS = 3;

const ROOT = 0;
const STAR_WORD = -2;
const HASH_WORD = -3;
const NODES_AT_FIRST = 16;

/** Beside its numbers a node has an index in lists: its number divided by `NODE_FIELDS`. */
export class TopicIndex implements BindingIndex {
  readonly #words = new WordNumbers();
  /** From a node and the number of a word to the child. */
  readonly #literals = new PairTable();
  #nodes = new Int32Array(NODES_AT_FIRST * NODE_FIELDS);
  #nodesEnd = NODE_FIELDS;
  /** Per node: the node above. */
  readonly #parents: number[] = [ROOT];
  /** Per node: the number of the word on the edge from above, or one of the two wildcards. */
  readonly #edgeWords: number[] = [STAR_WORD];
  readonly #freeNodes: number[] = [];
  /** Per node: where the bindings lead, directly if it is one, else by binding id. */
  readonly #bound: (Destination | Map<string, Destination> | null)[] = [null];
  /** Per node: the id of the binding if it is one. */
  readonly #ids: string[] = [''];

  /** Nodes of the trie with its root: 1 when it has no bindings. */
  get nodeCount(): number {
    return this.#nodesEnd / NODE_FIELDS - this.#freeNodes.length;
  }

  add({ id, routing_key, destination }: Binding): void {
    let node = ROOT;
    for (const word of wordsOf(routing_key)) node = this.#child(node, word) || this.#grow(node, word);
    this.#bind(node, id, destination);
  }

  remove({ id, routing_key }: Binding): void {
    let node = ROOT;
    for (const word of wordsOf(routing_key)) {
      node = this.#child(node, word);
      if (node === ROOT) return;
    }
    this.#unbind(node, id);
    this.#prune(node);
  }

  /**
   * Walks the trie with all nodes that the words so far lead to at once, so that the time is at most words x nodes
   * whatever the patterns, where backtracking over `#.#.#` would be exponential. No node is walked twice: one without
   * `#` has one way in, and one under `#` is reached again by every further word and so stays until the end.
   */
  match({ routingKey }: RoutedMessage, visit: (destination: Destination) => void): void {
    const staying = new Distinct<number>();
    let reached = [ROOT];
    this.#skipInto(staying, ROOT);
    for (const word of wordsOf(routingKey)) {
      const number = this.#words.numberOf(word);
      const next: number[] = [];
      // Those that this word adds have consumed it already.
      const stayingBefore = staying.items.length;
      for (const node of reached) this.#step(node, number, next);
      for (let i = 0; i < stayingBefore; i++) this.#step(staying.items[i]!, number, next);
      for (const node of next) this.#skipInto(staying, node);
      reached = next;
      if (reached.length === 0 && staying.items.length === 0) return;
    }
    for (const node of reached) this.#visit(node, visit);
    for (const node of staying.items) this.#visit(node, visit);
  }

  #step(node: number, word: number, next: number[]): void {
    const star = this.#nodes[node + STAR]!;
    if (star !== 0) next.push(star);
    if (word < 0 || this.#nodes[node + LITERALS] === 0) return;
    const literal = this.#literals.valueOf(node, word);
    if (literal !== 0) next.push(literal);
  }

  /** `#` takes zero words: whoever is at a node is also at its `#` child, and at that one's. */
  #skipInto(staying: Distinct<number>, node: number): void {
    let hash = this.#nodes[node + HASH]!;
    while (hash !== 0 && staying.add(hash)) hash = this.#nodes[hash + HASH]!;
  }

  #visit(node: number, visit: (destination: Destination) => void): void {
    if (this.#nodes[node + BINDINGS] === 0) return;
    const bound = this.#bound[slotOf(node)]!;
    if (bound instanceof Map) for (const destination of bound.values()) visit(destination);
    else if (bound !== null) visit(bound);
  }

  #bind(node: number, id: string, destination: Destination): void {
    const slot = slotOf(node);
    const bound = this.#bound[slot]!;
    if (bound instanceof Map) {
      bound.set(id, destination);
    } else if (bound === null) {
      this.#bound[slot] = destination;
      this.#ids[slot] = id;
    } else {
      this.#bound[slot] = new Map([
        [this.#ids[slot]!, bound],
        [id, destination],
      ]);
      this.#ids[slot] = '';
    }
    this.#nodes[node + BINDINGS]!++;
  }

  #unbind(node: number, id: string): void {
    const slot = slotOf(node);
    const bound = this.#bound[slot]!;
    const isBound = bound instanceof Map ? bound.delete(id) : this.#ids[slot] === id;
    if (!isBound) return;
    if (--this.#nodes[node + BINDINGS]! > 0) return;
    this.#bound[slot] = null;
    this.#ids[slot] = '';
  }

  /** The child under a word of a pattern, `ROOT` if there is none. */
  #child(node: number, word: string): number {
    if (word === '*') return this.#nodes[node + STAR]!;
    if (word === '#') return this.#nodes[node + HASH]!;
    const number = this.#words.numberOf(word);
    return number < 0 ? ROOT : this.#literals.valueOf(node, number);
  }

  #grow(parent: number, word: string): number {
    const node = this.#newNode();
    this.#parents[slotOf(node)] = parent;
    this.#edgeWords[slotOf(node)] = this.#attach(parent, word, node);
    return node;
  }

  #attach(parent: number, word: string, node: number): number {
    if (word === '*') {
      this.#nodes[parent + STAR] = node;
      return STAR_WORD;
    }
    if (word === '#') {
      this.#nodes[parent + HASH] = node;
      return HASH_WORD;
    }
    const number = this.#words.use(word);
    this.#literals.add(parent, number, node);
    this.#nodes[parent + LITERALS]!++;
    return number;
  }

  #detach(parent: number, word: number): void {
    if (word === STAR_WORD) {
      this.#nodes[parent + STAR] = 0;
    } else if (word === HASH_WORD) {
      this.#nodes[parent + HASH] = 0;
    } else {
      this.#literals.remove(parent, word);
      this.#words.release(word);
      this.#nodes[parent + LITERALS]!--;
    }
  }

  /** Removes a node that leads nowhere, and then perhaps its parent. */
  #prune(from: number): void {
    let node = from;
    while (node !== ROOT && this.#isEmpty(node)) {
      const parent = this.#parents[slotOf(node)]!;
      this.#detach(parent, this.#edgeWords[slotOf(node)]!);
      this.#freeNodes.push(node);
      node = parent;
    }
  }

  #isEmpty(node: number): boolean {
    const nodes = this.#nodes;
    return (
      nodes[node + BINDINGS] === 0 &&
      nodes[node + LITERALS] === 0 &&
      nodes[node + STAR] === 0 &&
      nodes[node + HASH] === 0
    );
  }

  #newNode(): number {
    const free = this.#freeNodes.pop();
    if (free !== undefined) return free;
    const node = this.#nodesEnd;
    if (node === this.#nodes.length) {
      const grown = new Int32Array(this.#nodes.length * 2);
      grown.set(this.#nodes);
      this.#nodes = grown;
    }
    this.#nodesEnd += NODE_FIELDS;
    this.#parents.push(ROOT);
    this.#edgeWords.push(STAR_WORD);
    this.#bound.push(null);
    this.#ids.push('');
    return node;
  }
}

function slotOf(node: number): number {
  return node / NODE_FIELDS;
}

function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.');
}
