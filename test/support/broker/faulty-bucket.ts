/** Faulty bucket: the R2 bucket of the runtime, which fails at the n-th call of the router that a test names. */

export interface BucketFault {
  /** The call that fails, from 1; 0: none does. */
  readonly nth: number;
  /** Before the bucket has done it, after it has with the reply lost, or in the middle of the bytes that a `get` returns. */
  readonly when: 'before' | 'after' | 'body';
  readonly message: string;
  /** All calls from the n-th on fail. */
  readonly isLasting: boolean;
}

/** Bytes that come before a body breaks. */
const BODY_BYTES_BEFORE = 100_000;

export class FaultyBucket {
  #fault: BucketFault = { nth: 0, when: 'before', message: '', isLasting: false };
  /** Calls since the fault was set. */
  calls = 0;

  set(fault: BucketFault): void {
    this.#fault = fault;
    this.calls = 0;
  }

  /** Returns a bucket that does what the given one does, but for the fault. */
  over(bucket: R2Bucket): R2Bucket {
    return this.#wrapped(bucket);
  }

  #wrapped<Target extends object>(target: Target): Target {
    return new Proxy(target, {
      get: (_, name) => {
        const member = Reflect.get(target, name, target) as unknown;
        if (typeof member !== 'function') return member;
        if (name === 'resumeMultipartUpload')
          return (...args: [string, string]) => this.#wrapped((target as R2Bucket)[name](...args));
        return async (...args: unknown[]) => {
          const { nth, when, message, isLasting } = this.#fault;
          this.calls += 1;
          const fails = this.calls === nth || (isLasting && nth > 0 && this.calls > nth);
          if (fails && when === 'before') throw new Error(message);
          const result = (await (member as (...given: unknown[]) => unknown).apply(target, args)) as unknown;
          if (fails && when === 'after') throw new Error(message);
          if (fails && when === 'body' && result !== null) return broken(result as R2ObjectBody, message);
          return name === 'createMultipartUpload' ? this.#wrapped(result as object) : result;
        };
      },
    });
  }
}

/** Its body is a stream of known length, as R2's is: a reply that has fewer bytes is seen to be cut off. */
function broken(object: R2ObjectBody, message: string): R2ObjectBody {
  let left = BODY_BYTES_BEFORE;
  const breaking = new TransformStream<Uint8Array, Uint8Array>({
    transform: (piece, controller) => {
      if (piece.length > left) throw new Error(message);
      left -= piece.length;
      controller.enqueue(piece);
    },
  });
  const body = object.body.pipeThrough(breaking).pipeThrough(new FixedLengthStream(object.size));
  return new Proxy(object, {
    get: (target, name) => (name === 'body' ? body : (Reflect.get(target, name, target) as unknown)),
  });
}
