/** Topic-replaced event: what readers learn when a topic was deleted and made again, and they begin anew. */

export interface TopicReplaced {
  topic: string;
  partition: number;
  /** The topic that has the name now. */
  topicId: number;
  /** The one that positions belonged to. Its records are gone. */
  previousTopicId: number;
}

/** An error in the application's callback must not end the reader. */
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
