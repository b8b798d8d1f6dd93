/** Transactions: how one is, by its transactional id, and which partitions wait for its end. */

import type { TransactionState } from '../../protocol/schemas/transactions.ts';
import { call, pathOf } from '../data/api.ts';
import { useLive } from '../data/live.ts';
import { ageText, spanText, timeText } from '../data/words.ts';
import { Figures, Trouble } from '../parts/small-parts.tsx';
import { textOf } from '../parts/form.ts';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { hrefOf } from '../route.ts';

const STATE_MS = 2_000;

interface Props {
  readonly namespace: string;
  readonly name: string | undefined;
}

export function TransactionsPage({ namespace, name }: Props) {
  const open = (event: Event): void => {
    event.preventDefault();
    const id = textOf(event, 'id');
    if (id !== '') location.hash = hrefOf({ page: 'transactions', namespace, name: id });
  };
  return (
    <>
      <h1>Transactions</h1>
      <form class="buttons" onSubmit={open}>
        <label>
          Transactional id <input name="id" defaultValue={name ?? ''} key={name} spellcheck={false} />
        </label>
        <button type="submit">Look</button>
      </form>
      {name === undefined ? (
        <p class="empty">
          Each transactional producer has one id. The broker keeps no list of them, because a transaction is
          an object of its own.
        </p>
      ) : (
        <TransactionView key={name} namespace={namespace} id={name} />
      )}
    </>
  );
}

function TransactionView({ namespace, id }: { namespace: string; id: string }) {
  const path = pathOf([namespace, 'transactions', id]);
  const { value, error } = useLive(
    (signal) => call<TransactionState>('GET', path, { signal }),
    STATE_MS,
    path,
  );
  return (
    <>
      <h2>{id}</h2>
      <Trouble error={error} />
      {value && (
        <>
          <Figures
            figures={[
              ['State', value.state],
              ['Open since', value.started_at === null ? '–' : ageText(value.started_at, Date.now())],
              ['Times out after', spanText(value.transaction_timeout_ms)],
              ['Producer', `${value.producer.id}, epoch ${value.producer.epoch}`],
              ['Before', value.last === null ? '–' : `${value.last.outcome}, ${value.last.reason}`],
            ]}
          />
          {value.started_at !== null && (
            <p>
              Readers of committed records wait since {timeText(value.started_at)} in the partitions below.
            </p>
          )}
          <VirtualRows
            label="Partitions"
            columns={['Topic', 'Partition', 'Offsets of']}
            items={value.partitions}
            keyOf={({ topic, partition, group }) => `${topic}/${partition}/${group ?? ''}`}
            empty="No partition waits for its end."
            cells={({ topic, partition, group }) => [
              <a href={hrefOf({ page: 'topic', namespace, name: topic })}>{topic}</a>,
              String(partition),
              group === undefined ? (
                'records'
              ) : (
                <a href={hrefOf({ page: 'groups', namespace, name: group })}>{group}</a>
              ),
            ]}
          />
        </>
      )}
    </>
  );
}
