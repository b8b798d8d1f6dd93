/** The event of a topic that was deleted and made again: what its readers are told when they begin anew. */

export interface TopicReplaced {
  topic: string;
  partition: number;
  /** The topic that has the name now. */
  topicId: number;
  /** The one that positions belonged to. Its records are gone. */
  previousTopicId: number;
}

/** A fault of the application's own reporting must not end what it is told of. */
export function tellReplaced(
  listener: ((replaced: TopicReplaced) => unknown) | undefined,
  replaced: TopicReplaced,
): void {
  try {
    listener?.(replaced);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
