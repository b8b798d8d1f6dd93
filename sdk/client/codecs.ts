/** Codecs of record batches that a client may be given, because few programs need them: `posthorn/codecs`. */

/** Returns the inflated bytes; null if they are broken, or more than `bytesMax`. */
export type Codec = (compressed: Uint8Array, bytesMax: number) => Uint8Array | null;

/** By the names that Kafka has for them. gzip every client knows. */
export type Codecs = Partial<Record<'snappy' | 'lz4' | 'zstd', Codec>>;
