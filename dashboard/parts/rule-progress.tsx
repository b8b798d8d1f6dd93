/** Rule progress: how far a policy or an alert has come on its way to the queues. */

import type { PolicyReply } from '../../protocol/schemas/policies.ts';

export function RuleProgress({ progress }: { progress: PolicyReply['progress'] }) {
  const { done, queues_checked: checked, queues_total: total } = progress;
  if (done) return <p class="said">Every queue that it matches has it.</p>;
  return (
    <p>
      <progress max={Math.max(1, total)} value={checked} aria-label="Progress of the rule" />{' '}
      {checked.toLocaleString('en')} of {total.toLocaleString('en')} queues
    </p>
  );
}
