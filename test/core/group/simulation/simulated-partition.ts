/** A partition as a group knows it. Throws if it would break what it promises. */

import {
  checkClaim,
  fence,
  positionOf,
  raised,
  type Claim,
  type GroupOffset,
} from '../../../../core/group/offsets.ts';
import { isFailure } from '../../../../protocol/errors.ts';

export class SimulatedPartition {
  /** Records `[0, end)`. */
  end = 3;
  row: GroupOffset | null = null;
  /** Records that some member has handled. */
  readonly handled = new Set<number>();
  handovers = 0;
  commits = 0;
  /**
   * Members that owned it when they went. One that gave it up before may commit until the next owner reads: it was a member
   * then, and what it commits it has handled.
   */
  readonly hasLost = new Set<string>();
  /** By epoch, who was let in: never two. */
  readonly #claimants = new Map<number, string>();

  /** Whether the member may read or commit. */
  claim(claim: Claim): boolean {
    const outcome = checkClaim(this.row, claim);
    if (outcome === 'unknown' || isFailure(outcome)) return false;
    if (outcome === 'held') return true;
    const known = this.#claimants.get(claim.epoch);
    if (known !== undefined && known !== claim.memberId) {
      throw new Error(`${known} and ${claim.memberId} own a partition in one epoch`);
    }
    this.#claimants.set(claim.epoch, claim.memberId);
    this.handovers += 1;
    this.#write(raised(this.row, claim, 0));
    return true;
  }

  fence(memberId: string, epoch: number): void {
    this.hasLost.add(memberId);
    const row = fence(this.row, epoch, 0);
    if (row) this.#write(row);
  }

  position(): number {
    return positionOf(this.row, { logStartOffset: 0, highWatermark: this.end }, 'earliest');
  }

  /** Takes a commit of whoever was let in. */
  commit({ memberId }: Claim, offset: number): void {
    if (this.row?.memberId !== memberId) throw new Error('a commit of another member was taken');
    for (let nth = 0; nth < offset; nth++) {
      if (!this.handled.has(nth)) throw new Error(`offset ${offset} was committed before ${nth} was handled`);
    }
    this.commits += 1;
    this.row = { ...this.row, offset };
  }

  /** What has to be so when all is quiet. */
  checkQuiet(name: string): void {
    const missing = this.end - this.handled.size;
    if (missing !== 0) throw new Error(`${missing} records of ${name} were never handled`);
    if ((this.row?.offset ?? 0) !== this.end)
      throw new Error(`${name} is not committed to its end ${this.end}`);
  }

  #write(row: GroupOffset): void {
    if (this.row && row.epoch < this.row.epoch) throw new Error('the epoch of a partition has fallen');
    this.row = row;
  }
}
