/**
 * What producers know of their records, and what a log may hold after a crash:
 *
 * - a record that was acknowledged is there exactly once, at the offset of the acknowledgement, as it was sent;
 * - a record whose producer got no answer is there once or not at all;
 * - nothing else is there, and the offsets of a partition are 0, 1, 2, ... up to its end.
 */

export interface Place {
  partition: number;
  offset: number;
}

export interface FoundRecord extends Place {
  id: string;
  value: string;
}

export class Ledger {
  readonly #sent = new Map<string, { value: string; partition: number }>();
  readonly #acknowledged = new Map<string, Place>();

  get sentCount(): number {
    return this.#sent.size;
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  sent(id: string, value: string, partition: number): void {
    this.#sent.set(id, { value, partition });
  }

  acknowledged(id: string, place: Place): void {
    this.#acknowledged.set(id, place);
  }

  /** One sentence for each broken promise. `found` is what each partition holds, from its start, in order. */
  check(found: readonly (readonly FoundRecord[])[]): string[] {
    const broken: string[] = [];
    const places = new Map<string, Place>();
    found.forEach((records, partition) => {
      records.forEach((record, index) => {
        const { id, offset, value } = record;
        const at = `${partition}/${offset}`;
        const sent = this.#sent.get(id);
        if (offset !== index) broken.push(`${at} is the ${index}th of its partition`);
        if (places.has(id)) broken.push(`${id} is at ${at} and at ${text(places.get(id)!)}`);
        if (!sent) broken.push(`${id} at ${at} was never sent`);
        else if (sent.value !== value) broken.push(`${id} at ${at} is not what was sent`);
        else if (sent.partition !== partition) broken.push(`${id} at ${at} was sent to ${sent.partition}`);
        places.set(id, { partition, offset });
      });
    });
    for (const [id, promised] of this.#acknowledged) {
      const place = places.get(id);
      if (!place) broken.push(`${id}, acknowledged at ${text(promised)}, is lost`);
      else if (text(place) !== text(promised)) {
        broken.push(`${id}, acknowledged at ${text(promised)}, is at ${text(place)}`);
      }
    }
    return broken;
  }
}

function text({ partition, offset }: Place): string {
  return `${partition}/${offset}`;
}
