/** Death reasons: why a message is dead-lettered. */

/** `damaged`: its stored bytes are not what was stored. The body of the first message of a damaged batch has what is left. */
export const DEATH_REASONS = ['rejected', 'expired', 'maxlen', 'delivery_limit', 'damaged'] as const;
export type DeathReason = (typeof DEATH_REASONS)[number];
