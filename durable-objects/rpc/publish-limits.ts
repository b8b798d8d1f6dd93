/** Publish limits: what a router tells an object with each publish of the limits of its namespace, as far as it knows them. */

export interface PublishLimits {
  /** The cost ceiling. */
  rowsPerHour?: number;
  /** The quota of stored bytes. */
  storedBytesMax?: number;
}
