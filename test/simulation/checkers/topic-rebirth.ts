import type { Checker } from './checker.ts';

/** A topic that is made again is empty: nothing of the old one is read in it, and nothing that it has acknowledged is lost. */
export const topicRebirth: Checker = {
  name: 'topic-rebirth',
  promise: 'Records of a deleted topic never appear in one that is made again under its name',
  check: (history) => {
    const broken: string[] = [];
    const deletions = history.of('topic-deleted');
    const produced = history.of('reborn-produce');
    const sent = new Map(produced.flatMap((event) => event.ids.map((id) => [id, event])));
    for (const { client, ids, begin, isFinal } of history.of('reborn-fetch')) {
      const count = new Map<string, number>();
      for (const id of ids) {
        const event = sent.get(id);
        count.set(id, (count.get(id) ?? 0) + 1);
        if (!event || (event.outcome === 'refused' && event.copies === 1)) {
          broken.push(`${client} read ${id}, which was never stored`);
          continue;
        }
        if (count.get(id)! > event.copies) broken.push(`${client} read ${id} once more`);
        const deletion = deletions.find((one) => one.isGone && one.begin > endOf(event) && one.end < begin);
        if (deletion) broken.push(`${client} read ${id} of a topic that was deleted since`);
      }
      if (!isFinal) continue;
      const lastEnd = Math.max(0, ...deletions.filter((one) => one.begin < begin).map(endOf));
      for (const event of produced) {
        if (event.outcome !== 'ok' || event.begin < lastEnd || event.end > begin) continue;
        const lost = event.ids.filter((id) => !ids.includes(id));
        if (lost.length > 0) broken.push(`${lost.join(', ')} of the topic that is there were lost`);
      }
    }
    for (const { by, expected, found } of history.of('reborn-read')) {
      if (expected.join() !== found.join())
        broken.push(
          `${by} of the topic that was made again gave ${found.join(', ')}, not ${expected.join(', ')}`,
        );
    }
    return broken;
  },
};

/** A request that arrived twice may be carried out whenever. */
const endOf = ({ copies, end }: { copies: number; end: number }): number => (copies > 1 ? Infinity : end);
