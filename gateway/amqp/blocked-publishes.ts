/**
 * Blocked publishes: which queues and exchanges take no messages now, because a ceiling, a quota or a disk is in the way, and which
 * connections wait for that. RabbitMQ stops reading from publishers then and tells them; the messages that it has stay.
 */

import type { PosthornError, PosthornErrorCode } from '../../sdk/errors.ts';
import type { Destination } from '../../sdk/publisher/publish-request.ts';

/** What may last, and ends by itself or when an operator makes room. */
const REASONS: Partial<Record<PosthornErrorCode, string>> = {
  cost_ceiling: 'the namespace has reached its ceiling of rows written in this hour',
  quota: 'the namespace stores as many bytes as its quota allows',
  storage_full: 'a queue or partition has reached its storage limit',
  disk_full: 'the disk of the broker is full',
};

/** What publishers that share a client may have waiting while they are blocked: connections may come and go meanwhile. */
const WAITING_BYTES_MAX = 128 * 1024 * 1024;

type Listener = (reason: string | null) => void;

const keyOf = (destination: Destination): string =>
  'queue' in destination ? `q${destination.queue}` : `x${destination.exchange}`;

/** Of the connections that share a publisher. */
export class BlockedPublishes {
  /** Why, by destination. */
  readonly #reasons = new Map<string, string>();
  readonly #lines = new Set<PublishLine>();
  #waitingBytes = 0;

  /** A publish was refused, and goes again. Returns whether however often. */
  noteRetry(error: PosthornError, destination: Destination): boolean {
    const reason = REASONS[error.code];
    if (reason === undefined) return false;
    // A rate is over in a moment.
    if (error.code === 'quota' && error.details['quota'] !== 'stored_bytes') return true;
    this.#reasons.set(keyOf(destination), reason);
    for (const line of this.#lines) line.look();
    return true;
  }

  /** The publishes of one connection. The listener is told why they wait, and null when they do not wait any more. */
  line(listener: Listener): PublishLine {
    const line = new PublishLine(this, listener);
    this.#lines.add(line);
    return line;
  }

  /** For lines. */
  reasonOf(key: string): string | undefined {
    return this.#reasons.size === 0 ? undefined : this.#reasons.get(key);
  }

  hold(bytes: number): void {
    this.#waitingBytes += bytes;
  }

  get isFull(): boolean {
    return this.#reasons.size > 0 && this.#waitingBytes > WAITING_BYTES_MAX;
  }

  taken(key: string): void {
    if (!this.#reasons.delete(key)) return;
    for (const line of this.#lines) line.look();
  }

  remove(line: PublishLine): void {
    this.#lines.delete(line);
  }
}

export class PublishLine {
  readonly blocked: BlockedPublishes;
  readonly #listener: Listener;
  /** How many publishes are under way, by destination. */
  readonly #underWay = new Map<string, number>();
  #reason: string | null = null;

  constructor(blocked: BlockedPublishes, listener: Listener) {
    this.blocked = blocked;
    this.#listener = listener;
  }

  /** A publish begins. Returns what to call at its end, with whether the destination takes messages; null: no more can wait. */
  begin(destination: Destination, bytes: number): ((isTaken: boolean) => void) | null {
    if (this.blocked.isFull) return null;
    const key = keyOf(destination);
    this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1);
    this.blocked.hold(bytes);
    if (this.blocked.reasonOf(key) !== undefined) this.look();
    return (isTaken) => this.#end(key, bytes, isTaken);
  }

  /** Looks whether anything under way waits for a blocked destination. */
  look(): void {
    let reason: string | null = null;
    for (const key of this.#underWay.keys()) reason ??= this.blocked.reasonOf(key) ?? null;
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#listener(reason);
  }

  /** The connection has ended. What it has published still goes out. */
  close(): void {
    this.blocked.remove(this);
  }

  #end(key: string, bytes: number, isTaken: boolean): void {
    const left = this.#underWay.get(key)! - 1;
    if (left > 0) this.#underWay.set(key, left);
    else this.#underWay.delete(key);
    this.blocked.hold(-bytes);
    if (isTaken) this.blocked.taken(key);
    if (this.#reason !== null) this.look();
  }
}
