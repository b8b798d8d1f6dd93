import type { Checker } from './checker.ts';

/**
 * Once an instance has begun under a transactional id, or a transaction has ended, what comes later with the epoch before
 * is refused: records, offsets, messages, and for an instance that was replaced the commit too.
 */
export const fencedProducer: Checker = {
  name: 'fenced-producer',
  promise: 'A producer that was replaced writes and commits nothing more',
  check: (history) => {
    const begun = Map.groupBy(history.of('instance'), ({ transactionalId }) => transactionalId);
    const ended = Map.groupBy(
      history.of('end-transaction').filter(({ epoch, nextEpoch }) => nextEpoch !== null && nextEpoch > epoch),
      ({ producerId, epoch }) => `${producerId}/${epoch}`,
    );
    const isReplaced = (name: string, id: number, epoch: number, begin: number): boolean =>
      (begun.get(name) ?? []).some(
        (other) =>
          other.end < begin &&
          (other.producerId === id
            ? other.epoch > epoch
            : other.begin > firstSeen(begun.get(name) ?? [], id)),
      );
    const isOver = (id: number, epoch: number, begin: number): boolean =>
      (ended.get(`${id}/${epoch}`) ?? []).some((other) => other.end < begin);
    const attempts = [
      ...history.of('produce').flatMap(({ producer, outcome, attemptBegin, client }) => {
        if (producer === null || producer.transactionalId === null || attemptBegin === undefined) return [];
        const { id, epoch, transactionalId: name } = producer;
        return [{ what: 'wrote', client, name, id, epoch, outcome, begin: attemptBegin }];
      }),
      ...[...history.of('add-offsets'), ...history.of('hold-messages')].map((event) => {
        const { client, transactionalId: name, producerId: id, epoch, outcome, begin } = event;
        const what = event.kind === 'add-offsets' ? 'added offsets' : 'published';
        return { what, client, name, id, epoch, outcome, begin };
      }),
      ...history.of('end-transaction').map((event) => {
        const { client, transactionalId: name, producerId: id, epoch, outcome, begin, asked } = event;
        return { what: asked, client, name, id, epoch, outcome, begin };
      }),
    ];
    return attempts.flatMap(({ what, client, name, id, epoch, outcome, begin }) => {
      if (outcome !== 'ok') return [];
      const isEnd = what === 'commit' || what === 'abort';
      if (isReplaced(name, id, epoch, begin))
        return [`${client}, producer ${id}/${epoch} of ${name}: ${what} after it was replaced`];
      if (!isEnd && isOver(id, epoch, begin))
        return [`${client}, producer ${id}/${epoch} of ${name}: ${what} after its transaction had ended`];
      return [];
    });
  },
};

function firstSeen(begun: readonly { producerId: number; begin: number }[], id: number): number {
  return Math.min(...begun.filter(({ producerId }) => producerId === id).map(({ begin }) => begin));
}
