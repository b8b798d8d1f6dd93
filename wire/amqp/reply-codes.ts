/**
 * Reply codes: what went wrong, as AMQP says it. A soft error closes the channel, a hard one the connection (section 1.1 of the
 * specification; for the texts, RabbitMQ's habit of the name in capitals and a reason).
 */

const REPLIES = {
  'no-route': { code: 312, isHard: false },
  'content-too-large': { code: 311, isHard: false },
  'connection-forced': { code: 320, isHard: true },
  'access-refused': { code: 403, isHard: false },
  'not-found': { code: 404, isHard: false },
  'resource-locked': { code: 405, isHard: false },
  'precondition-failed': { code: 406, isHard: false },
  'frame-error': { code: 501, isHard: true },
  'syntax-error': { code: 502, isHard: true },
  'command-invalid': { code: 503, isHard: true },
  'channel-error': { code: 504, isHard: true },
  'unexpected-frame': { code: 505, isHard: true },
  'resource-error': { code: 506, isHard: true },
  'not-allowed': { code: 530, isHard: true },
  'not-implemented': { code: 540, isHard: true },
  'internal-error': { code: 541, isHard: true },
} as const;

export type ReplyName = keyof typeof REPLIES;

/** The method that caused an error; zeros for none. */
export interface MethodIds {
  classId: number;
  methodId: number;
}

export const NO_METHOD: MethodIds = { classId: 0, methodId: 0 };

/** An expected failure, as a value. */
export interface AmqpError extends MethodIds {
  readonly isAmqpError: true;
  readonly reply: ReplyName;
  readonly replyCode: number;
  readonly replyText: string;
  /** It closes the connection, not only the channel. */
  readonly isHard: boolean;
}

export function amqpError(reply: ReplyName, reason: string, ids: MethodIds = NO_METHOD): AmqpError {
  const { code, isHard } = REPLIES[reply];
  const replyText = `${reply.toUpperCase().replaceAll('-', '_')} - ${reason}`;
  return {
    isAmqpError: true,
    reply,
    replyCode: code,
    replyText,
    isHard,
    classId: ids.classId,
    methodId: ids.methodId,
  };
}

export function isAmqpError(value: unknown): value is AmqpError {
  return typeof value === 'object' && value !== null && 'isAmqpError' in value;
}

/** A failure of a call. The channel adds the ids of the method. */
export interface PortError {
  readonly reply: ReplyName;
  readonly reason: string;
}

export const portError = (reply: ReplyName, reason: string): PortError => ({ reply, reason });

export function isPortError(value: unknown): value is PortError {
  return typeof value === 'object' && value !== null && 'reply' in value;
}
