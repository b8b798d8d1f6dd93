/**
 * What the members of a group know of its offsets, and what may be seen of them during and after a crash:
 *
 * - the committed offset is not before the last that was acknowledged, nor beyond any that was asked for;
 * - every record before the committed offset was read by some member;
 * - in an epoch of the group, no partition has two members.
 */

export interface PartitionOffset {
  partition: number;
  offset: number;
}

interface Known {
  /** The highest offset that was acknowledged as committed, and the highest that was asked for. */
  acknowledged: number;
  asked: number;
  /** Offsets that were read by somebody. */
  read: Set<number>;
}

export class GroupLedger {
  readonly #partitions = new Map<number, Known>();
  /** The member, by `epoch/partition`. */
  readonly #owners = new Map<string, string>();
  readonly #broken: string[] = [];
  commits = 0;

  get readCount(): number {
    let count = 0;
    for (const { read } of this.#partitions.values()) count += read.size;
    return count;
  }

  /** A reply to a member says that these are its own. */
  assigned(member: string, epoch: number, partitions: readonly number[]): void {
    for (const partition of partitions) {
      const place = `${epoch}/${partition}`;
      const owner = this.#owners.get(place) ?? member;
      if (owner !== member)
        this.#broken.push(`partition ${partition} was of ${owner} and of ${member} in epoch ${epoch}`);
      this.#owners.set(place, owner);
    }
  }

  read(partition: number, offset: number): void {
    this.#of(partition).read.add(offset);
  }

  asked(offsets: readonly PartitionOffset[]): void {
    for (const { partition, offset } of offsets) {
      const known = this.#of(partition);
      known.asked = Math.max(known.asked, offset);
    }
  }

  acknowledged(offsets: readonly PartitionOffset[]): void {
    this.commits += 1;
    for (const { partition, offset } of offsets) {
      const known = this.#of(partition);
      known.acknowledged = Math.max(known.acknowledged, offset);
    }
  }

  /** One sentence for each broken promise. `committed` is what the group says now; null: nothing is committed. */
  check(committed: readonly { partition: number; offset: number | null }[]): string[] {
    const broken = [...this.#broken];
    const found = new Map(committed.map(({ partition, offset }) => [partition, offset ?? 0]));
    for (const [partition, { acknowledged, asked, read }] of this.#partitions) {
      const offset = found.get(partition) ?? 0;
      const at = `partition ${partition} is at ${offset}`;
      if (offset < acknowledged) broken.push(`${at}, ${acknowledged} was acknowledged`);
      if (offset > asked) broken.push(`${at}, no more than ${asked} was asked for`);
      let unread = 0;
      while (unread < offset && read.has(unread)) unread += 1;
      if (unread < offset) broken.push(`${at}, and nobody has read ${unread}`);
    }
    return broken;
  }

  #of(partition: number): Known {
    let known = this.#partitions.get(partition);
    if (!known) this.#partitions.set(partition, (known = { acknowledged: 0, asked: 0, read: new Set() }));
    return known;
  }
}
