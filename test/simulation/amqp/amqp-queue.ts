/** The queue of AMQP clients, and that of its dead letters. */

export const AMQP_QUEUE = 'mq';
export const AMQP_DEAD_LETTERS = `${AMQP_QUEUE}.dlq`;
